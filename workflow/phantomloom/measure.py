"""What the checks need to know of a label map, in one pass over its slices."""

import numpy as np
import pandas as pd
from scipy import ndimage

from phantomloom.regions import Box, boxes_of, voxels_by_id
from phantomloom.scan import OUTSIDE_HU
from phantomloom.structures import by_id
from phantomloom.volume import Volume

LOWEST_HU, HIGHEST_HU = -1024, 3071  # 12 bits; HU beyond count as these
BINS = HIGHEST_HU - LOWEST_HU + 1
FACES = (("inferior", "superior"), ("anterior", "posterior"), ("right", "left"))  # low, high index


def measure(labels: Volume, ct: Volume) -> pd.DataFrame:
    """Return one row per structure present, in the order of ids; the background is none.

    Columns: label, name, voxels, volume_ml, hu_mean, hu_sd, hu_median, centroid_{z,y,x}_mm (LPS),
    extent_{z,y,x}_mm, components (face-connected parts), touches_border (towards which faces it
    meets the end of what was scanned, in words, else empty; ``ct`` tells by OUTSIDE_HU).

    Raises:
        ValueError: if the grids differ.
    """
    if not labels.same_grid(ct):
        raise ValueError("labels and CT lie on different grids; both come from the same ingest")
    hu, outside = _histogram(labels.array, ct.array), _outside(ct)
    rows = [
        {"label": n, "name": by_id()[n].name} | _hu(hu[n]) | _place(n, box, labels, outside)
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


def _place(number: int, box: Box, labels: Volume, outside: np.ndarray) -> dict[str, object]:
    mask = labels.array[box] == number
    place: dict[str, object] = {"components": ndimage.label(mask)[1]}
    for axis, name in enumerate("zyx"):
        step = labels.spacing_mm[axis]
        profile = mask.sum(axis=tuple({0, 1, 2} - {axis}))
        index = box[axis].start + (profile @ np.arange(profile.size)) / profile.sum()
        place[f"centroid_{name}_mm"] = labels.origin_mm[axis] + index * step
        place[f"extent_{name}_mm"] = profile.size * step
    return place | {"touches_border": _faces_cut(mask, box, outside)}


def _outside(ct: Volume) -> np.ndarray:
    """Return what was not scanned, with one voxel more all around, bool [Z + 2, Y + 2, X + 2]."""
    return np.pad(ct.array == OUTSIDE_HU, 1, constant_values=True)


def _faces_cut(mask: np.ndarray, box: Box, outside: np.ndarray) -> str:
    """Return towards which faces ``mask``, all of a structure in its ``box``, meets ``outside``."""
    cut = []
    for axis, faces in enumerate(FACES):
        for face, step in zip(faces, (0, 2), strict=True):
            steps = [step if axis == other else 1 for other in range(3)]
            beside = outside[
                tuple(slice(s.start + n, s.stop + n) for s, n in zip(box, steps, strict=True))
            ]
            cut += [face] if (mask & beside).any() else []
    return " ".join(cut)


def outline(labels: Volume, ct: Volume) -> dict[str, tuple[float, str]]:
    """Return the volume in ml of each structure present and the faces that cut it, in words.

    ``ct`` lies on the grid of ``labels``; ``measure`` says what a face is.
    """
    voxels, outside = voxels_by_id(labels.array), _outside(ct)
    return {
        by_id()[n].name: (
            float(voxels[n]) * labels.voxel_ml,
            _faces_cut(labels.array[box] == n, box, outside),
        )
        for n, box in boxes_of(labels.array).items()
    }
