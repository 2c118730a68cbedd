"""The one table of anatomical structures; label maps hold its ids, 0 is outside the body.

Names in other tools stand in ``schemes.tsv``. SNOMED CT codes come from the code dictionary of
pydicom 3.0 (DICOM PS3.16), else from TotalSegmentator 2.18.0 (``totalsegmentator_snomed_mapping``),
HL7 mCODE (its map of AAPM TG-263, its examples) or, for lobes of the right lung, SNOMED's editorial
guide and FHIR profiles. A cell is empty where none of them names the structure itself: they have
the region of the hip, not its bone.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from phantomloom.io import tsv

TABLE = Path(__file__).with_suffix(".tsv")
MODELS = ("skeleton", "abdomen", "torso", "body")
BACKGROUND = 0


class Structure(NamedTuple):
    """One row; ids fit uint8 and never change their meaning."""

    id: int
    name: str
    model: str  # which of MODELS finds it
    parent: str  # name of the structure that contains it, or empty; "body" contains all
    side: str  # left, right or empty
    partner: str  # name of the bilateral partner, or empty
    sex: str  # M or F where only one sex has it, else empty
    tissue: str  # bone cartilage muscle fat organ vessel airway lung gas skin soft
    material: str  # a name of materials.tsv
    colour: str  # #rrggbb, sRGB
    snomed: str  # SNOMED CT code, or empty; of both sides where the sided concept is not known


@cache
def structures() -> dict[str, Structure]:
    """Return all structures by name, in the order of their ids."""
    rows = [Structure(id=int(row.pop("id")), **row) for row in tsv.rows(TABLE)]
    return {row.name: row for row in rows}


@cache
def by_id() -> dict[int, Structure]:
    """Return all structures by id."""
    return {row.id: row for row in structures().values()}


def label(name: str) -> int:
    """Return the id of structure ``name``.

    Raises:
        KeyError: if the table has no such structure.
    """
    if name not in structures():
        raise KeyError(f"no structure is called {name!r}; {TABLE.name} lists them")
    return structures()[name].id


@cache
def within(name: str) -> frozenset[str]:
    """Return a structure and all that it contains."""
    parts = [n for n, row in structures().items() if row.parent == name]
    return frozenset((name, *(inner for part in parts for inner in within(part))))
