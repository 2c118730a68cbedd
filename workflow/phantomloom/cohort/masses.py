"""What the organs of a person of some sex and age weigh: ICRP 89, between its ages linear."""

from functools import cache
from pathlib import Path

import numpy as np

from phantomloom.io import tsv

TABLE = Path(__file__).with_suffix(".tsv")
AGES = (5, 10, 15, 20)  # years; the publication's adult stands at 20
BLADDER_ML = 200.0  # with urine; ICRP 89's mean content and wall are near it


@cache
def table() -> dict[str, dict[str, np.ndarray]]:
    """Return the rows by name: the density in g/cm3, and the values at AGES of "M" and "F"."""
    return {row["name"]: _row(row) for row in tsv.rows(TABLE)}


def value(name: str, sex: str, age: float) -> float:
    """Return the reference value of row ``name`` in the row's own unit."""
    return float(np.interp(age, AGES, table()[name][sex]))


def volume_ml(name: str, sex: str, age: float) -> float:
    """Return the reference mass of row ``name`` as a volume."""
    return value(name, sex, age) / float(table()[name]["density"][0])


def _row(row: dict[str, str]) -> dict[str, np.ndarray]:
    def values(sex: str) -> np.ndarray:
        return np.array([float(row[f"{sex}{age}"].replace("-", "0")) for age in AGES])

    density = np.array([float(row["density_g_cm3"])])
    return {"density": density, "M": values("M"), "F": values("F")}
