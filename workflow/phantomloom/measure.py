"""What the checks need to know of a label map, in one pass over its slices."""

import numpy as np
import pandas as pd
from scipy import ndimage

from phantomloom.regions import boxes_of, voxels_by_id
from phantomloom.structures import by_id
from phantomloom.volume import Volume

LOWEST_HU, HIGHEST_HU = -1024, 3071  # 12 bits; HU beyond count as these
BINS = HIGHEST_HU - LOWEST_HU + 1
FACES = (("inferior", "superior"), ("anterior", "posterior"), ("right", "left"))  # low, high index


def measure(labels: Volume, ct: Volume) -> pd.DataFrame:
    """Return one row per structure present, in the order of ids; the background is none.

    Columns: label, name, voxels, volume_ml, hu_mean, hu_sd, hu_median, centroid_{z,y,x}_mm (LPS),
    extent_{z,y,x}_mm, components (face-connected parts), touches_border (the faces of the grid
    that cut it, in words, else empty).

    Raises:
        ValueError: if the grids differ.
    """
    if not labels.same_grid(ct):
        raise ValueError("labels and CT lie on different grids; both come from the same ingest")
    hu = _histogram(labels.array, ct.array)
    rows = [
        {"label": n, "name": by_id()[n].name} | _hu(hu[n]) | _place(n, box, labels)
        for n, box in boxes_of(labels.array).items()
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
    return frame.assign(volume_ml=frame.voxels * labels.voxel_ml)


_COLUMNS = {
    "label": "int64",
    "name": "object",
    "voxels": "int64",
    "volume_ml": "float64",
    **dict.fromkeys(("hu_mean", "hu_sd", "hu_median"), "float64"),
    **{f"{what}_{axis}_mm": "float64" for what in ("centroid", "extent") for axis in "zyx"},
    "components": "int64",
    "touches_border": "object",
}


def _histogram(labels: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """Return how many voxels of each label have each HU, [256, BINS]; a slice at a time."""
    counts = np.zeros(256 * BINS, np.int64)
    for label_plane, hu_plane in zip(labels, hu, strict=True):
        clipped = np.clip(hu_plane, LOWEST_HU, HIGHEST_HU).astype(np.int64) - LOWEST_HU
        keys = label_plane.astype(np.int64) * BINS + clipped
        counts += np.bincount(keys.ravel(), minlength=256 * BINS)
    return counts.reshape(256, BINS)


def _hu(counts: np.ndarray) -> dict[str, float]:
    hu = np.arange(LOWEST_HU, HIGHEST_HU + 1)
    voxels = counts.sum()
    mean = (counts @ hu) / voxels
    return {
        "voxels": voxels,
        "hu_mean": mean,
        "hu_sd": np.sqrt(counts @ (hu - mean) ** 2 / voxels),
        "hu_median": float(hu[np.searchsorted(counts.cumsum(), voxels / 2)]),
    }


def _place(number: int, box: tuple[slice, ...], labels: Volume) -> dict[str, object]:
    mask = labels.array[box] == number
    place: dict[str, object] = {"components": ndimage.label(mask)[1]}
    for axis, name in enumerate("zyx"):
        step = labels.spacing_mm[axis]
        profile = mask.sum(axis=tuple({0, 1, 2} - {axis}))
        index = box[axis].start + (profile @ np.arange(profile.size)) / profile.sum()
        place[f"centroid_{name}_mm"] = labels.origin_mm[axis] + index * step
        place[f"extent_{name}_mm"] = profile.size * step
    return place | {"touches_border": _faces_cut(box, labels.array.shape)}


def _faces_cut(box: tuple[slice, ...], shape: tuple[int, ...]) -> str:
    """Return the faces of the grid that ``box`` reaches, in words."""
    cut = []
    for side, size, (low, high) in zip(box, shape, FACES, strict=True):
        cut += [low] * (side.start == 0) + [high] * (side.stop == size)
    return " ".join(cut)


def outline(labels: Volume) -> dict[str, tuple[float, str]]:
    """Return the volume in ml of each structure present and the faces of the grid that cut it."""
    voxels = voxels_by_id(labels.array)
    return {
        by_id()[n].name: (float(voxels[n]) * labels.voxel_ml, _faces_cut(box, labels.array.shape))
        for n, box in boxes_of(labels.array).items()
    }
