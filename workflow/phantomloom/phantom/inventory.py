"""What a label map weighs: material, density, volume and mass of every structure in it."""

from typing import NamedTuple

import numpy as np

from phantomloom.materials import AIR, material
from phantomloom.regions import voxels_by_id
from phantomloom.structures import BACKGROUND, by_id
from phantomloom.volume import Volume


class Item(NamedTuple):
    """A structure that is there."""

    id: int
    name: str
    material: str
    density_g_cm3: float
    voxels: int
    volume_ml: float
    mass_g: float


def inventory(labels: Volume) -> list[Item]:
    """Return an item per structure present, in the order of the ids, without the background.

    Raises:
        ValueError: if the label map holds an id that the structure table does not.
    """
    return [item for item in contents(labels) if item.id != BACKGROUND]


def contents(labels: Volume) -> list[Item]:
    """Return :func:`inventory` and, before it, what surrounds the body: air, called outside."""
    counts = voxels_by_id(labels.array)
    ids = np.flatnonzero(counts)
    if unknown := sorted(set(ids.tolist()) - {BACKGROUND, *by_id()}):
        raise ValueError(f"the structure table has no ids {unknown}, the label map has")
    return [_item(label, int(counts[label]), labels.voxel_ml) for label in ids.tolist()]


def names_and_materials() -> dict[int, tuple[str, str]]:
    """Return the name and the material behind every id that a label map may hold."""
    inside = {row.id: (row.name, row.material) for row in by_id().values()}
    return {BACKGROUND: ("outside", AIR), **inside}


def _item(label: int, voxels: int, voxel_ml: float) -> Item:
    name, substance = names_and_materials()[label]
    density = material(substance).density_g_cm3
    volume_ml = round(voxels * voxel_ml, 6)  # cm3
    return Item(label, name, substance, density, voxels, volume_ml, round(volume_ml * density, 6))
