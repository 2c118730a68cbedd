"""Reports of anyone's CSV table: a row a report, its columns named by the caller."""

from collections.abc import Sequence
from pathlib import Path

from phantomloom.privacy.data.tables import label_of, missing, table
from phantomloom.privacy.reports import Dataset, Report


def read(
    path: Path | str,
    report_column: str,
    text_columns: Sequence[str],
    label_columns: Sequence[str],
    patient_column: str | None = None,
    name: str = "",
) -> Dataset:
    """Return the reports of ``path``; texts of several columns follow each other.

    Labels are 1, 0, -1 (uncertain) or empty (not mentioned). Without a column of patients each
    report is its own patient's. The data set is called ``name`` or, if that is empty, as the file.

    Raises:
        ValueError: naming file and column, if a column, an id or a text is missing, if an id is
            there twice, or if a label is none of these.
    """
    path = Path(path)
    wanted = [report_column, *text_columns, *label_columns]
    rows = table(path, [*wanted, patient_column] if patient_column else wanted)
    if twice := rows[report_column][rows[report_column].duplicated()].tolist():
        raise ValueError(f"{path}: column {report_column!r} has {twice[0]!r} more than once")
    patients = rows[patient_column or report_column]
    reports = []
    for (_, row), patient in zip(rows.iterrows(), patients, strict=True):
        where = f"row {row[report_column]!r}"
        text = "\n\n".join(part for column in text_columns if (part := row[column].strip()))
        columns = [report_column, patient_column or report_column, ", ".join(text_columns)]
        for column, value in zip(columns, (row[report_column], patient, text), strict=True):
            if not value.strip():
                raise missing(path, where, column)
        labels = tuple(label_of(path, where, column, row[column]) for column in label_columns)
        reports.append(Report(row[report_column], patient, text, labels))
    return Dataset(name or path.stem, tuple(label_columns), tuple(reports))
