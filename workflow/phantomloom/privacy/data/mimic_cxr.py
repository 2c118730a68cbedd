"""MIMIC-CXR 2.x as PhysioNet publishes it: a text file a study, labels of the CheXpert labeller."""

from collections.abc import Sequence
from pathlib import Path

from phantomloom.privacy.data.tables import label_of, table
from phantomloom.privacy.reports import MIMIC_CXR_LABELS, Dataset, Report
from phantomloom.privacy.sections import joined

LABEL_TABLE = "mimic-cxr-2.0.0-chexpert.csv.gz"
SPLIT_TABLE = "mimic-cxr-2.0.0-split.csv.gz"
PARTS = ("train", "validate", "test")


def read(
    path: Path | str,
    sections: Sequence[str] = ("findings", "impression"),
    parts: Sequence[str] = PARTS,
) -> Dataset:
    """Return the labelled studies below the folder ``path``, of the official ``parts`` only.

    It holds the tables LABEL_TABLE and, unless all parts are wanted, SPLIT_TABLE, and the reports
    as files/pNN/pNNNNNNNN/sNNNNNNNN.txt. A text is what stands under ``sections``; a report
    without any of them gives its last paragraph.

    Raises:
        FileNotFoundError: if a table or a study's report is not there.
        ValueError: naming file and column or section that cannot be used.
    """
    path = Path(path)
    labels = path / LABEL_TABLE
    rows = table(labels, ["subject_id", "study_id", *MIMIC_CXR_LABELS])
    wanted = _studies(path / SPLIT_TABLE, parts) if set(parts) != set(PARTS) else None
    reports = []
    for patient, study, *cells in rows.itertuples(index=False, name=None):
        if wanted is not None and study not in wanted:
            continue
        where = f"study_id {study}"
        given = zip(MIMIC_CXR_LABELS, cells, strict=True)
        values = tuple(label_of(labels, where, column, cell) for column, cell in given)
        text = joined(_text(path, patient, study), sections)
        reports.append(Report(f"s{study}", f"p{patient}", text, values))
    return Dataset("mimic_cxr", MIMIC_CXR_LABELS, tuple(reports))


def _studies(path: Path, parts: Sequence[str]) -> set[str]:
    if unknown := set(parts) - set(PARTS):
        raise ValueError(f"parts: {', '.join(PARTS)} are known, not {', '.join(sorted(unknown))}")
    rows = table(path, ["study_id", "split"])
    return set(rows.study_id[rows.split.isin(list(parts))])


def _text(path: Path, patient: str, study: str) -> str:
    file = path / "files" / f"p{patient[:2]}" / f"p{patient}" / f"s{study}.txt"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such report, but {path / LABEL_TABLE} names it")
    return file.read_text(encoding="utf-8")
