"""NIfTI in and out of the library; scans from anywhere come in by ``nifti_scan``."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from phantomloom.io import complete
from phantomloom.volume import Volume

LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # and RAS of LPS


def read(path: Path | str) -> Volume:
    """Return the image at ``path`` with its axes turned, not resampled, to ours.

    Raises:
        ValueError: if its grid is oblique, so that turning is not enough.
        RuntimeError: if SimpleITK cannot read it.
    """
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    if not np.allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-3):
        raise ValueError(f"{path}: the grid is oblique to the patient; ingest it first")
    z, y, x = image.GetSpacing()[::-1]
    return Volume(sitk.GetArrayFromImage(image), (z, y, x), image.GetOrigin()[::-1])


def write(volume: Volume, path: Path | str) -> None:
    """Write ``volume`` in LPS, compressed; equal volumes give equal bytes."""
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing([float(mm) for mm in volume.spacing_mm[::-1]])
    image.SetOrigin([float(mm) for mm in volume.origin_mm[::-1]])
    with complete(Path(path)) as partial:
        sitk.WriteImage(image, str(partial), useCompression=True)


def lift(path: Path, slices: int) -> None:
    """Move the image at ``path`` up by so many of its own slices."""
    image = sitk.ReadImage(str(path))
    image.SetOrigin(image.TransformIndexToPhysicalPoint((0, 0, slices)))
    with complete(path) as partial:
        sitk.WriteImage(image, str(partial), useCompression=True)


def ras_affine(volume: Volume) -> np.ndarray:
    """Return the matrix [4, 4] from indices (x, y, z) to RAS mm."""
    lps = np.diag([*volume.spacing_mm[::-1], 1.0])
    lps[:3, 3] = volume.origin_mm[::-1]
    return LPS_OF_RAS @ lps
