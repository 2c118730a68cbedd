"""CT-RATE as its authors publish it: tables of reports and labels, a row a reconstruction."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phantomloom.privacy.data.tables import label_of, missing, table
from phantomloom.privacy.reports import CT_RATE_LABELS, Dataset, Report

SECTION_COLUMNS = {
    "history": "ClinicalInformation_EN",
    "technique": "Technique_EN",
    "findings": "Findings_EN",
    "impression": "Impressions_EN",
}
# part: table of reports, table of labels
TABLES = {
    "train": ("train_reports.csv", "train_predicted_labels.csv"),
    "validation": ("validation_reports.csv", "valid_predicted_labels.csv"),
}
VOLUME = re.compile(r"((?:train|valid)_\d+)_([a-z]+)_\d+(?:\.nii\.gz)?")
EMPTY = {"", "not given.", "not given"}


def read(
    path: Path | str,
    sections: Sequence[str] = ("findings", "impression"),
    parts: Sequence[str] = tuple(TABLES),
) -> Dataset:
    """Return the studies of the official ``parts``, from tables anywhere below ``path``.

    VolumeName is train_<patient>_<scan>_<reconstruction>.nii.gz: a report that repeats for each
    reconstruction of a scan comes once. Studies without a word in ``sections`` are left out.

    Raises:
        FileNotFoundError: if a table is not there.
        ValueError: naming file, row and column that cannot be used.
    """
    if unknown := set(parts) - TABLES.keys() | set(sections) - SECTION_COLUMNS.keys():
        known = ", ".join((*TABLES, *SECTION_COLUMNS))
        raise ValueError(f"parts and sections: {known} are known, not {', '.join(sorted(unknown))}")
    columns = [SECTION_COLUMNS[section] for section in sections]
    found = [report for part in parts for report in _part(Path(path), part, columns)]
    return Dataset("ct_rate", CT_RATE_LABELS, tuple(found))


def _part(path: Path, part: str, columns: Sequence[str]) -> list[Report]:
    texts, labels = (_below(path, name) for name in TABLES[part])
    rows = table(texts, ["VolumeName", *columns])
    given = table(labels, ["VolumeName", *CT_RATE_LABELS]).set_index("VolumeName")
    if lacking := sorted(set(rows.VolumeName) - set(given.index)):
        raise ValueError(f"{labels}: column 'VolumeName' lacks {lacking[0]!r} of {texts.name}")
    if given.index.has_duplicates:
        raise ValueError(f"{labels}: column 'VolumeName' names a volume more than once")
    reports: dict[tuple, Report] = {}
    for volume, *cells in rows.itertuples(index=False, name=None):
        report = _report(texts, labels, volume, cells, given)
        study = VOLUME.sub(r"\1_\2", volume)
        if report.text:
            reports.setdefault((study, report.text, report.labels), report)
    return list(reports.values())


def _report(
    texts: Path, labels: Path, volume: str, cells: Sequence[str], given: pd.DataFrame
) -> Report:
    if not (name := VOLUME.fullmatch(volume)):
        raise ValueError(f"{texts}: column 'VolumeName': no name of a CT-RATE volume: {volume!r}")
    row = given.loc[volume]
    values = tuple(label_of(labels, volume, column, row[column]) for column in CT_RATE_LABELS)
    if None in values:
        raise missing(labels, volume, CT_RATE_LABELS[values.index(None)])
    text = "\n\n".join(c.strip() for c in cells if c.strip().lower() not in EMPTY)
    return Report(volume, name[1], text, values)


def _below(path: Path, name: str) -> Path:
    if not (found := sorted(path.rglob(name))):
        raise FileNotFoundError(f"{path}: no {name} in it or below; correct the path in the config")
    return found[0]
