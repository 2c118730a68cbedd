"""Logs of training: a record of JSON a line, added as a run goes and cut back where it resumes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phantomloom.io import complete


def add(log: Path, record: Mapping[str, Any]) -> None:
    """Write ``record`` at the end of ``log``."""
    with log.open("a") as lines:
        lines.write(json.dumps(record) + "\n")


def read(log: Path) -> list[dict[str, Any]]:
    """Return the records, none where there is no file; half a line of a killed run is no record."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def forget(log: Path, counter: str, last: int) -> None:
    """Drop the records whose ``counter`` is beyond ``last``: those steps are made again."""
    if log.exists():
        kept = [record for record in read(log) if record[counter] <= last]
        with complete(log) as shorter:
            shorter.write_text("".join(json.dumps(record) + "\n" for record in kept))
