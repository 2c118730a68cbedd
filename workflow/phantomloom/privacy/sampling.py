"""Which units take part in a step: each of them by a coin of its own (Poisson sampling).

A unit is what privacy protects, a report or a patient with all reports. The accountants' numbers
hold for this sampling alone: not for shuffled batches, and not if empty batches are left out.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.privacy.randomness import SAMPLING, uniforms


class VirtualBatch(NamedTuple):
    """A part of a batch that fits memory.

    rows: data rows, [R]. unit: for each row the number of its unit within this part, from 0,
    rising, [R]. goes_on: the last unit has more rows in the next part.
    """

    rows: np.ndarray
    unit: np.ndarray
    goes_on: bool


def rows_of_units(owner: Sequence[Hashable]) -> list[np.ndarray]:
    """Return the rows of each unit, in the order of its first row; ``owner`` names a row's unit.

    For reports as units, let ``owner`` be ``range(reports)``; for patients, their names.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, name in enumerate(owner):
        rows.setdefault(name, []).append(row)
    return [np.array(each) for each in rows.values()]


def poisson(units: int, rate: float, seed: int | None, step: int) -> np.ndarray:
    """Return the units of a step's batch, rising; each is in it with probability ``rate``."""
    return np.flatnonzero(uniforms(units, seed, SAMPLING, step) < rate)


def virtual_batches(units: Sequence[np.ndarray], largest: int) -> Iterator[VirtualBatch]:
    """Yield the rows of ``units`` in parts of at most ``largest`` rows."""
    if not len(units):
        return
    rows = np.concatenate(units)
    unit = np.repeat(np.arange(len(units)), [len(each) for each in units])
    for start in range(0, len(rows), largest):
        stop = start + largest
        part = unit[start:stop]
        goes_on = bool(stop < len(rows) and unit[stop] == part[-1])
        yield VirtualBatch(rows[start:stop], part - part[0], goes_on)
