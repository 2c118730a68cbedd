"""Chest CT reports that CT-RATE's authors labelled by hand (``CT-CLIP/text_classifier``)."""

import re
from pathlib import Path

from phantomloom.privacy.data import csv_table
from phantomloom.privacy.data.tables import table
from phantomloom.privacy.reports import CT_RATE_LABELS, Dataset

REPORTS, NAMES = "train.csv", "map_train_classifier.csv"
STUDY = re.compile(r"((?:train|valid)_\d+)_[a-z]+")


def read(path: Path | str) -> Dataset:
    """Return the reports of the folder ``path``: its tables REPORTS, and NAMES of the studies.

    Whoever is in CT-RATE has that patient's name; each other report is its own patient's, named
    after it.

    Raises:
        FileNotFoundError: if a table is not there.
        ValueError: naming file and column that cannot be used.
    """
    path = Path(path)
    reports = csv_table.read(path / REPORTS, "AccessionNo", ["report_text"], CT_RATE_LABELS)
    rows = table(path / NAMES, ["AccessionNo", "NameinCTRATE"])
    studies = map(STUDY.fullmatch, rows.NameinCTRATE)
    names = zip(rows.AccessionNo, studies, strict=True)
    patients = {report: study[1] for report, study in names if study}
    # accession numbers look like names of CT-RATE, but count other things
    owners = (patients.get(r.report_id, f"of {r.report_id}") for r in reports.reports)
    kept = map(lambda report, owner: report._replace(patient_id=owner), reports.reports, owners)
    return reports._replace(name="ct_rate_annotated", reports=tuple(kept))
