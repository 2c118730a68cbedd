"""Data sets as the one table that the workflow keeps of each: a row a report."""

import pandas as pd

from phantomloom.privacy.reports import Dataset, Report

REPORT_COLUMNS = ["report_id", "patient_id", "text"]


def frame(dataset: Dataset) -> pd.DataFrame:
    """Return report_id, patient_id, text, and a column a label: 1, 0, -1 or nothing."""
    told = pd.DataFrame([report[:3] for report in dataset.reports], columns=REPORT_COLUMNS)
    rows = [report.labels for report in dataset.reports]
    labels = pd.DataFrame(rows, columns=list(dataset.label_names), dtype="Int8")
    return pd.concat([told, labels], axis=1)


def dataset(name: str, rows: pd.DataFrame) -> Dataset:
    """Return the data set that ``frame`` made ``rows`` of."""
    names = tuple(rows.columns[len(REPORT_COLUMNS) :])
    columns = [[None if pd.isna(v) else int(v) for v in rows[label]] for label in names]
    told = (rows[column] for column in REPORT_COLUMNS)
    reports = map(Report, *told, zip(*columns, strict=True))
    return Dataset(name, names, tuple(reports))
