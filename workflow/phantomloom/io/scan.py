"""A scan as people have it (DICOM folder, NIfTI, NRRD, MHA), recognised and read."""

import re
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from phantomloom.io import dicom, nifti_scan
from phantomloom.scan import Scan, UnusableScanError, files_of_scan, to_hu

EXPORT = "export the scan again"


def read(path: Path) -> Scan:
    """Return the scan at ``path``, a folder of DICOM slices or a file known by its suffix.

    Raises:
        UnusableScanError: if there is nothing that can be used; no file name is in the reason.
    """
    if path.is_dir():
        return dicom.read(path)
    for suffix, reader in READERS.items():
        if path.name.lower().endswith(suffix):
            return reader(_present(path))
    raise UnusableScanError(
        f"a DICOM folder or a file ending in {', '.join(READERS)}",
        f"a file ending in {path.suffix or 'nothing'}",
        "convert it, or give the folder that holds the DICOM slices",
    )


def digests(path: Path) -> list[dict[str, Any]]:
    """Return size and sha256 of each source file, by digest: file names may hold identifiers.

    Raises:
        UnusableScanError: if a file or the folder cannot be read.
    """
    try:
        files = files_of_scan(path)
        return sorted(map(_digest, files), key=lambda file: file["sha256"])
    except FileNotFoundError:
        raise _absent() from None
    except OSError as fault:
        raise UnusableScanError(
            "a readable scan", f"{fault.strerror}", "check its permissions and the disk"
        ) from fault


def _digest(file: Path) -> dict[str, Any]:
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
        return {"bytes": file.stat().st_size, "sha256": digest}


def _present(path: Path) -> Path:
    if not path.is_file():
        raise _absent()
    return path


def _absent() -> UnusableScanError:
    return UnusableScanError(
        "a scan at the path of the case sheet", "nothing there", "correct the path"
    )


def _nrrd(path: Path) -> Scan:
    image = _image(path, "NrrdImageIO")
    space = image.GetMetaData("NRRD_space") if image.HasMetaDataKey("NRRD_space") else ""
    if space.lower() not in PATIENT_SPACES:
        came = f"the space {space}" if space else "no space field"
        raise UnusableScanError("a header that says how the patient lies", came, EXPORT)
    return _scan(image, "NRRD")


PATIENT_SPACES = {  # NRRD format, "space": the others, as scanner-xyz, know no left and right
    *("left-posterior-superior", "right-anterior-superior", "left-anterior-superior"),
    *("lps", "ras", "las"),
}


def _mha(path: Path) -> Scan:
    with path.open("rb") as content:
        header = content.read(4096).split(b"ElementDataFile")[0]
    if not re.search(rb"^(TransformMatrix|Orientation|Rotation)\s*=", header, re.MULTILINE):
        raise UnusableScanError(
            "a header that says how the patient lies", "no TransformMatrix", EXPORT
        )
    return _scan(_image(path, "MetaImageIO"), "MHA")


def _image(path: Path, reader: str) -> sitk.Image:
    try:
        image = sitk.ReadImage(str(path), imageIO=reader)
    except RuntimeError as fault:
        raise UnusableScanError("a readable scan", "a damaged or cut file", EXPORT) from fault
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        size = " x ".join(map(str, image.GetSize()))
        raise UnusableScanError(
            "a three-dimensional scan with one number in each voxel",
            f"an image of {size} with {image.GetNumberOfComponentsPerPixel()} numbers in each",
            "give one volume of the scan",
        )
    return image


def _scan(image: sitk.Image, source: str) -> Scan:
    axes = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    return Scan(
        array=to_hu(sitk.GetArrayViewFromImage(image)),
        axes_mm=axes[::-1, ::-1].T,  # columns (x, y, z) of the file to rows (z, y, x)
        origin_mm=np.array(image.GetOrigin())[::-1],
        source=source,
    )


READERS: dict[str, Callable[[Path], Scan]] = {
    ".nii": nifti_scan.read,
    ".nii.gz": nifti_scan.read,
    ".nrrd": _nrrd,
    ".mha": _mha,
}
