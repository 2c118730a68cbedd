"""A person's label map: whether it can replace the merge of a case, and what it changes."""

from pathlib import Path

import numpy as np

from phantomloom.io import nifti, nifti_scan
from phantomloom.scan import UnusableScanError
from phantomloom.structures import TABLE, by_id
from phantomloom.volume import Volume

TOLERANCE_MM = 0.01  # editors store the grid as 32-bit numbers
EXPORT = "export it from the segmentation editor with the case's ingest/ct.nii.gz as reference"


def read(path: str, ct: Volume) -> np.ndarray:
    """Return the ids of the label map that a person put at ``path``, uint8 on the grid of ``ct``.

    Raises:
        ValueError: naming ``path``, if it cannot be read, is cut short or is not ``checked``.
    """
    try:
        nifti_scan.read(Path(path))  # tells a cut file; SimpleITK takes what it lacks for zeros
        labels = nifti.read(path)
    except (UnusableScanError, OSError, RuntimeError) as fault:
        raise ValueError(f"{path}: {fault}") from fault
    return checked(labels, ct, path)


def checked(labels: Volume, ct: Volume, path: str) -> np.ndarray:
    """Return the ids of a person's ``labels``, uint8 on the grid of ``ct``.

    Raises:
        ValueError: naming ``path``, if they are no whole numbers, have another grid, hold ids that
            the table of structures has not, or nothing at all.
    """
    array = labels.array
    if array.dtype.kind not in "iu":
        raise ValueError(f"{path}: expected whole numbers, came {array.dtype}; {EXPORT}")
    if not labels.same_grid(ct, TOLERANCE_MM):
        raise ValueError(f"{path}: expected {_grid(ct)}, came {_grid(labels)}; {EXPORT}")
    ids = np.unique(array).tolist()
    if strange := sorted(set(ids) - {0, *by_id()}):
        raise ValueError(f"{path}: no structures have the ids {strange}; {TABLE.name} lists them")
    if ids == [0]:
        raise ValueError(f"{path}: empty; remove the file if nothing is to be corrected")
    return array.astype(np.uint8)


def _grid(volume: Volume) -> str:
    return (
        f"{volume.array.shape} voxels (z, y, x) of {np.round(volume.spacing_mm, 4).tolist()} mm "
        f"from {np.round(volume.origin_mm, 3).tolist()} mm"
    )


def edits(before: np.ndarray, after: np.ndarray, voxel_ml: float) -> tuple[float, list[dict]]:
    """Return in how many ml two uint8 label maps differ, and {structure, added_ml, removed_ml}."""
    differs = before != after
    added, removed = (np.bincount(ids[differs], minlength=256) for ids in (after, before))
    return int(differs.sum()) * voxel_ml, [
        {
            "structure": row.name,
            "added_ml": round(int(added[number]) * voxel_ml, 3),
            "removed_ml": round(int(removed[number]) * voxel_ml, 3),
        }
        for number, row in by_id().items()
        if added[number] or removed[number]
    ]
