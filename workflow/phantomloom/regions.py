"""Islands and holes of a label map: what each structure keeps, and what it encloses."""

import numpy as np
from scipy import ndimage

from phantomloom.volume import Volume


def without_islands(labels: Volume, smallest_ml: float, smallest_fraction: float) -> np.ndarray:
    """Return ``labels`` where each structure keeps its larger parts; the rest becomes 0.

    A part (6-connected) stays if it has both ``smallest_ml`` and ``smallest_fraction`` of the
    structure's largest part, so a structure that is nothing but specks vanishes.
    """
    result = labels.array.copy()
    for number, box in _boxes(result):
        parts, _ = ndimage.label(result[box] == number)
        voxels = np.bincount(parts.ravel())
        largest = voxels[1:].max()
        small = (voxels * labels.voxel_ml < smallest_ml) | (voxels < smallest_fraction * largest)
        small[0] = False
        result[box][small[parts]] = 0
    return result


def without_holes(labels: Volume, largest_ml: float) -> np.ndarray:
    """Return ``labels`` where a hole (0) that one structure encloses belongs to that structure.

    Holes larger than ``largest_ml`` stay: they are another organ that nobody found.
    """
    result = labels.array.copy()
    for number, box in _boxes(result):
        here = result[box]
        holes = ndimage.binary_fill_holes(here == number) & (here == 0)
        parts, count = ndimage.label(holes)
        if count:
            voxels = np.bincount(parts.ravel())
            voxels[0] = 0
            filled = (voxels > 0) & (voxels * labels.voxel_ml <= largest_ml)
            here[filled[parts]] = number
    return result


def pockets(mask: np.ndarray, grid: Volume, smallest_ml: float) -> np.ndarray:
    """Return the parts of ``mask`` of at least ``smallest_ml``, single voxels opened away."""
    parts, _ = ndimage.label(ndimage.binary_opening(mask))
    large = np.bincount(parts.ravel()) * grid.voxel_ml >= smallest_ml
    large[0] = False
    return large[parts]


def _boxes(labels: np.ndarray) -> list[tuple[int, tuple[slice, ...]]]:
    return [(n, box) for n, box in enumerate(ndimage.find_objects(labels), 1) if box]
