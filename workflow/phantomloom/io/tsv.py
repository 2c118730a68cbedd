"""Tables that come with the code: tab-separated, a head, lines that begin with # are comments."""

import csv
from pathlib import Path


def rows(table: Path) -> list[dict[str, str]]:
    """Return the rows of ``table`` by column."""
    with table.open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return list(csv.DictReader(lines, delimiter="\t"))
