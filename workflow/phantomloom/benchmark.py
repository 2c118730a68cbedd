"""Figures beside their targets; one row a figure."""

from typing import Any, NamedTuple

import pandas as pd


class Row(NamedTuple):
    """A figure, its target if there is one, and which way is better."""

    figure: str
    value: float
    unit: str
    target: float | None
    better: str  # higher or lower
    against: str  # where the target comes from, or what the figure is compared with

    @property
    def falls_short(self) -> bool:
        """Whether the value is on the wrong side of the target."""
        if self.target is None:
            return False
        return self.value < self.target if self.better == "higher" else self.value > self.target


def of_rules(jobs: pd.DataFrame, cores: int, targets: dict[str, Any]) -> list[Row]:
    """Return time and peak memory of a run, then of each of its rules, the slowest first.

    ``jobs`` has a row per job: rule, seconds, memory_mb. Both figures of the run are upper bounds:
    all jobs one after another, and the ``cores`` largest jobs at once.
    """
    together = jobs.memory_mb.nlargest(cores).sum()
    against = targets["against"]
    rows = [
        Row("all jobs in turn", jobs.seconds.sum(), "s", targets["seconds"], "lower", against),
        Row(f"{cores} largest jobs", together, "MB", targets["memory_mb"], "lower", against),
    ]
    rules = sorted(jobs.groupby("rule"), key=lambda rule: -rule[1].seconds.sum())
    for name, its in rules:
        label = f"{name}, {len(its)} job{'s' if len(its) > 1 else ''}"
        rows.append(Row(f"{label}: time", its.seconds.sum(), "s", None, "lower", "all its jobs"))
        rows.append(Row(f"{label}: memory", its.memory_mb.max(), "MB", None, "lower", "largest"))
    return [row._replace(value=round(float(row.value), 1)) for row in rows]


def records(rows: list[Row]) -> list[dict[str, Any]]:
    """Return ``rows`` as an artefact takes them, values with four digits."""
    return [row._replace(value=float(f"{row.value:.4g}"))._asdict() for row in rows]


def table(rows: list[Row]) -> str:
    """Return ``rows`` as text in columns; a figure that falls short of its target is marked."""
    cells = [("", "figure", "value", "unit", "target", "against")]
    for row in rows:
        bound = "" if row.target is None else f"{'<>'[row.better == 'higher']}= {row.target:g}"
        mark = "SHORT" if row.falls_short else ""
        cells.append((mark, row.figure, f"{row.value:.4g}", row.unit, bound, row.against))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)
