"""What a scanner hands over: HU on any regular grid, oblique and sheared ones included."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

AIR_HU = -1024  # the lowest CT number of a 12-bit scanner
OUTSIDE_HU = AIR_HU - 1  # what was not scanned
PADDING_HU = -2000  # scanners fill the corners around a round field with this or less (-3024)
HIGHEST_HU = np.iinfo(np.int16).max
IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")  # of a volume in one file; the longer first
OLDEST_YEARS = 90  # all older ones; ages over 89 identify (HIPAA, 45 CFR 164.514(b)(2)(i)(C))


class UnusableScanError(Exception):
    """A scan that ingest refuses: a fault of the data, told to people, never of the code."""

    def __init__(self, expected: str, came: str, cure: str) -> None:
        self.fault = f"expected {expected}; came {came}"
        super().__init__(f"{self.fault}; {cure}")


@dataclass(frozen=True)
class Scan:
    """Voxels in the order of the file, and where they lie in the patient (LPS mm, as (z, y, x)).

    SimpleITK's images cannot carry this: their axes are always at right angles, those of a
    tilted gantry are not.
    """

    array: np.ndarray  # int16 HU, three axes; OUTSIDE_HU in padding
    axes_mm: np.ndarray  # [3, 3]; row i is the way (z, y, x) from one voxel to the next on axis i
    origin_mm: np.ndarray  # [3]; the centre of voxel [0, 0, 0]
    source: str  # "DICOM", "NIfTI", "NRRD", "MHA", or "stylised": generated
    acquisition: dict[str, Any] = field(default_factory=dict)
    demographics: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


DOCUMENTS = {".csv", ".db", ".html", ".ini", ".jpg", ".json", ".log", ".md", ".pdf", ".png"}
DOCUMENTS |= {".tsv", ".txt", ".xml"}


def visible_files(folder: Path) -> list[Path]:
    """Return the files of a folder, by name, but those that file browsers leave hidden."""
    return sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))


def files_of_scan(path: Path) -> list[Path]:
    """Return the files that a scan consists of: one, or the slices in a folder, by name.

    Notes, indices and previews beside the slices are none of it.

    Raises:
        OSError: if the folder cannot be read.
    """
    if not path.is_dir():
        return [path]
    files = visible_files(path)
    return [f for f in files if f.suffix.lower() not in DOCUMENTS and f.name != "DICOMDIR"]


def to_hu(values: np.ndarray) -> np.ndarray:
    """Return ``values`` rounded and clipped to int16 HU, slice by slice to spare memory.

    Padding becomes OUTSIDE_HU.

    Raises:
        UnusableScanError: if a value is not finite.
    """
    hu = np.empty(values.shape, np.int16)
    for source, target in zip(values, hu, strict=True):
        if source.dtype == np.int16:
            np.maximum(source, AIR_HU, out=target)
        elif np.isfinite(source).all():
            target[...] = np.clip(np.rint(source.astype(np.float64)), AIR_HU, HIGHEST_HU)
        else:
            raise UnusableScanError(
                "a number in every voxel",
                "voxels that hold NaN or infinity",
                "export the scan again without masking",
            )
        target[source <= PADDING_HU] = OUTSIDE_HU
    return hu
