"""Paired structures differ little in volume and lie on their own sides."""

import pandas as pd

from phantomloom.qc import Finding, Person, severity, whole
from phantomloom.structures import structures


def check(
    measurements: pd.DataFrame,
    person: Person,
    population: pd.DataFrame,
    warn_ratio: float,
    fail_ratio: float,
    smallest_ml: float,
    swapped_mm: float,
) -> list[Finding]:
    """Return a finding for each pair of unequal volumes or swapped sides.

    Volumes are compared where the field of view cuts neither partner and the larger has
    ``smallest_ml``; below, the voxels decide. Sides are compared where both have as much; a left
    structure's centre that lies more than ``swapped_mm`` to the right of its partner's is grave.
    """
    rows = measurements.set_index("name")
    uncut = whole(measurements)
    findings = []
    for left, right in PAIRS:
        if {left, right} <= set(rows.index[rows.volume_ml >= smallest_ml]):
            x_mm = rows.centroid_x_mm
            findings += _sides(left, float(x_mm[left] - x_mm[right]), swapped_mm)
        if left in uncut.index and right in uncut.index:
            volumes = {name: float(uncut.volume_ml[name]) for name in (left, right)}
            findings += _volumes(volumes, warn_ratio, fail_ratio, smallest_ml)
    return findings


PAIRS = [
    (row.name, row.partner) for row in structures().values() if row.side == "left" and row.partner
]


def _sides(name: str, apart_mm: float, swapped_mm: float) -> list[Finding]:
    """Report a left structure that lies to the right of its partner; x grows to the left."""
    if apart_mm >= 0:
        return []
    seen = f"{-apart_mm:.0f} mm to the right of its partner"
    return [Finding(name, "to the left of its partner", seen, severity(-apart_mm > swapped_mm))]


def _volumes(
    volumes: dict[str, float], warn_ratio: float, fail_ratio: float, smallest_ml: float
) -> list[Finding]:
    small, large = sorted(volumes, key=lambda name: volumes[name])
    ratio = volumes[large] / volumes[small]
    if volumes[large] < smallest_ml or ratio <= warn_ratio:
        return []
    expected = f"at most {warn_ratio:g} times smaller than its partner"
    seen = f"{volumes[small]:.3g} ml, {ratio:.1f} times smaller than {volumes[large]:.3g} ml"
    return [Finding(small, expected, seen, severity(ratio > fail_ratio))]
