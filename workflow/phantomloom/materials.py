"""The one table of materials: density and elemental composition, each row with its source."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from phantomloom.io import tsv

TABLE = Path(__file__).with_suffix(".tsv")
AIR = "air"  # also what surrounds the body, label 0

ATOMIC_NUMBERS = {
    **{"H": 1, "C": 6, "N": 7, "O": 8, "Na": 11, "Mg": 12, "P": 15, "S": 16, "Cl": 17, "Ar": 18},
    **{"K": 19, "Ca": 20, "Fe": 26, "I": 53},
}


class Material(NamedTuple):
    """One row of the table."""

    name: str
    density_g_cm3: float
    mass_fractions: dict[int, float]  # by atomic number; their sum is 1
    source: str


@cache
def materials() -> dict[str, Material]:
    """Return all materials by name."""
    return {row.name: row for row in map(_material, tsv.rows(TABLE))}


def material(name: str) -> Material:
    """Return the material called ``name``.

    Raises:
        KeyError: if the table has no such material.
    """
    if name not in materials():
        raise KeyError(f"no material is called {name!r}; {TABLE.name} lists them")
    return materials()[name]


def _material(row: dict[str, str]) -> Material:
    percents = {z: float(row[symbol]) for symbol, z in ATOMIC_NUMBERS.items() if row[symbol]}
    total = sum(percents.values())  # 100 but for the sources' rounding
    fractions = {z: percent / total for z, percent in percents.items()}
    return Material(row["name"], float(row["density_g_cm3"]), fractions, row["source"])
