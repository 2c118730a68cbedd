"""What a label map claims many vertebrae from where stylised people have it: mistakes of networks.

``strays.tsv`` tells from which vertebral level to which each structure reaches in any of them.
"""

from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from phantomloom.io import tsv
from phantomloom.regions import boxes_of
from phantomloom.structures import by_id
from phantomloom.vertebral_levels import Range

TABLE = Path(__file__).with_suffix(".tsv")


@cache
def table() -> dict[str, Range]:
    """Return the upper and the lower level of structures by name; of tissues there are none."""
    return {row["name"]: (float(row["upper"]), float(row["lower"])) for row in tsv.rows(TABLE)}


def without_strays(
    labels: np.ndarray, of_plane: np.ndarray, margin: float
) -> tuple[np.ndarray, dict[str, int]]:
    """Return ids [Z, Y, X] without their stray parts, and how many voxels each structure lost.

    A part (6-connected) is stray if its middle lies more than ``margin`` levels outside of where
    ``table`` has its structure. ``of_plane`` [Z] holds the level of each plane.
    """
    result = labels.copy()
    lost: dict[str, int] = {}
    for number, box in boxes_of(labels).items():
        name = by_id()[number].name
        upper, lower = table().get(name, (-np.inf, np.inf))
        here = of_plane[box[0]]
        if here.min() >= upper - margin and here.max() <= lower + margin:
            continue
        parts, _ = ndimage.label(labels[box] == number)
        middles = [(s.start + s.stop - 1) // 2 for s, *_ in ndimage.find_objects(parts)]
        off = np.array([max(upper - here[z], here[z] - lower) for z in middles])  # levels
        stray = np.array([False, *(off > margin)])[parts]
        result[box][stray] = 0
        if stray.any():
            lost[name] = int(stray.sum())
    return result, lost
