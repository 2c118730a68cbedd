"""CSV tables of texts, with errors that name file and column."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phantomloom.privacy.reports import Label

LABELS: dict[str, Label] = {"1": 1, "0": 0, "-1": -1, "": None}
LABELS |= {"1.0": 1, "0.0": 0, "-1.0": -1}


def table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns of a CSV file, gzipped or not, as texts; nothing is "".

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: naming the file and the columns that it lacks.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; correct the path in the config")
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise ValueError(f"{path}: no CSV table of UTF-8 text: {fault}") from fault
    if lacking := [column for column in columns if column not in rows]:
        raise ValueError(f"{path}: no column {', '.join(map(repr, lacking))}; has {list(rows)}")
    return rows[list(columns)]


def label_of(path: Path, where: str, column: str, value: str) -> Label:
    """Return the label that a cell holds.

    Raises:
        ValueError: naming file, row, column and value, if it is none.
    """
    if (value := value.strip()) not in LABELS:
        raise ValueError(f"{path}: {where}, column {column!r}: 1, 0, -1 or nothing, not {value!r}")
    return LABELS[value]


def missing(path: Path, where: str, column: str) -> ValueError:
    """Return the error that a row has nothing in a column."""
    return ValueError(f"{path}: {where} has nothing in column {column!r}")
