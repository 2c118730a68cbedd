"""Islands and holes of a label map: what each structure keeps, and what it encloses."""

from collections.abc import Collection, Mapping
from math import ceil

import numpy as np
from scipy import ndimage

from phantomloom.volume import Volume

Box = tuple[slice, ...]


def voxels_by_id(labels: np.ndarray) -> np.ndarray:
    """Return how many voxels each id has, [256]; by planes, as counting takes 8 bytes a voxel."""
    counts = np.zeros(256, np.int64)
    for plane in labels:
        counts += np.bincount(plane.ravel(), minlength=256)
    return counts


def without_islands(labels: Volume, smallest_ml: float, smallest_fraction: float) -> np.ndarray:
    """Return ``labels`` where each structure keeps its larger parts; the rest becomes 0.

    A part (6-connected) stays if it has both ``smallest_ml`` and ``smallest_fraction`` of the
    structure's largest part, so a structure that is nothing but specks vanishes.
    """
    result = labels.array.copy()
    for number, box in boxes_of(result).items():
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
    for number, box in boxes_of(result).items():
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
    """Return the parts of ``mask`` of at least ``smallest_ml``, two voxels thick everywhere.

    Beyond the grid a part goes on.
    """
    padded = np.pad(mask, 1, mode="edge")
    thick = ndimage.binary_opening(padded, np.ones((2, 2, 2)))[1:-1, 1:-1, 1:-1]
    parts, _ = ndimage.label(thick)
    large = np.bincount(parts.ravel()) * grid.voxel_ml >= smallest_ml
    large[0] = False
    return large[parts]


def box_of(
    ids: Collection[int], boxes: Mapping[int, Box], grid: Volume, margin_mm: float = 0.0
) -> Box | None:
    """Return one box around those of ``ids``, with a margin within the grid; None without any."""
    of_ids = [box for number, box in boxes.items() if number in ids]
    if not of_ids:
        return None
    margins = [ceil(margin_mm / mm) for mm in grid.spacing_mm]
    return tuple(
        slice(
            max(0, min(side.start for side in sides) - margin),
            min(size, max(side.stop for side in sides) + margin),
        )
        for sides, margin, size in zip(
            zip(*of_ids, strict=True), margins, grid.array.shape, strict=True
        )
    )


def boxes_of(labels: np.ndarray) -> dict[int, Box]:
    """Return the bounding box of each id."""
    return {n: box for n, box in enumerate(ndimage.find_objects(labels), 1) if box}


def looked_up(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return ``table[ids]`` of ids [Z, Y, X]; by planes, as indexing makes each id 8 bytes."""
    result = np.empty(ids.shape, table.dtype)
    for plane, of_plane in zip(result, ids, strict=True):
        plane[...] = table[of_plane]
    return result


def nearest_id(ids: np.ndarray, where: np.ndarray, grid: Volume, reach_mm: float) -> np.ndarray:
    """Return the id nearest to each voxel of ``where``; 0 if none is within ``reach_mm``.

    Slab by slab, as the distance transform of a whole scan would take 48 bytes a voxel.
    """
    result = np.zeros_like(ids)
    margins = [ceil(reach_mm / mm) for mm in grid.spacing_mm]
    step = max(48, 2 * margins[0])
    for low in range(0, len(ids), step):
        wanted = where[low : low + step]
        for side in boxes_of(wanted.astype(np.uint8)).values():
            inner = (slice(side[0].start + low, side[0].stop + low), *side[1:])
            outer = tuple(
                slice(max(0, s.start - m), s.stop + m) for s, m in zip(inner, margins, strict=True)
            )
            apart_mm, nearest = ndimage.distance_transform_edt(
                ids[outer] == 0, grid.spacing_mm, return_indices=True
            )
            found = ids[outer][tuple(nearest)] * (apart_mm <= reach_mm)
            back = tuple(
                slice(s.start - o.start, s.stop - o.start)
                for s, o in zip(inner, outer, strict=True)
            )
            result[inner] = found[back] * where[inner]
    return result
