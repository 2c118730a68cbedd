"""The one table of anatomical structures; label maps hold its ids, 0 is outside the body."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_suffix(".tsv")
MODELS = ("skeleton", "abdomen", "torso", "body")
BACKGROUND = 0


class Structure(NamedTuple):
    """One row; ids fit uint8 and never change their meaning."""

    id: int
    name: str
    model: str  # which of MODELS finds it
    side: str  # left, right or empty
    partner: str  # name of the bilateral partner, or empty
    sex: str  # M or F where only one sex has it, else empty
    tissue: str  # bone cartilage muscle fat organ vessel airway lung gas skin soft
    material: str  # a name of materials.tsv
    colour: str  # #rrggbb, sRGB
    total: dict[int, str]  # ids and names in TotalSegmentator's task "total" (version 2)


@cache
def structures() -> dict[str, Structure]:
    """Return all structures by name, in the order of their ids."""
    with TABLE.open(newline="") as table:
        rows = [_structure(row) for row in csv.DictReader(table, delimiter="\t")]
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


def _structure(row: dict[str, str]) -> Structure:
    total = dict(item.split(":") for item in row.pop("total").split())
    return Structure(id=int(row.pop("id")), total={int(k): v for k, v in total.items()}, **row)
