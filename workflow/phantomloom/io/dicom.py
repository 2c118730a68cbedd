"""A folder of DICOM slices as one scan, or the reason why it is none.

Headers are read by pydicom, and of them only ``TAGS``: names, identifiers, dates of birth apart
from the age they give, and free text never get further than this module. Pixels are decoded by
GDCM through SimpleITK, which knows the compressed transfer syntaxes. Its series reader is not
used: it drops the shear of a tilted gantry, and it does not say what is missing.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
import SimpleITK as sitk

from phantomloom.io.dicom_checks import check_alike, check_series, check_stack
from phantomloom.io.dicom_header import TAGS, acquisition, demographics, numbers, text
from phantomloom.scan import (
    PADDING_HU,
    Scan,
    UnusableScanError,
    files_of_scan,
    to_hu,
    visible_files,
)

HIGHEST_CT_NUMBER = 3071  # of 12-bit scanners
UNREADABLE: tuple[type[Exception], ...] = (  # what pydicom raises on damaged bytes
    pydicom.errors.InvalidDicomError,
    pydicom.errors.BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    struct.error,
    NotImplementedError,
    KeyError,
    TypeError,
    AttributeError,
)


class Slice(NamedTuple):
    """One file of the folder."""

    file: Path
    header: pydicom.Dataset


def read(folder: Path) -> Scan:
    """Return the one CT series of ``folder``.

    Raises:
        UnusableScanError: if there is none, more than one, or it is not whole and regular.
    """
    slices, warnings = _slices(folder)
    headers = [header for _, header in slices]
    check_series(headers)
    check_alike(headers)
    rows, columns, positions = _geometry(slices)
    order = np.argsort(positions @ np.cross(rows, columns), kind="stable")
    slices, positions = [slices[i] for i in order], positions[order]
    check_stack(positions, np.cross(rows, columns))
    row_mm, column_mm = numbers(slices[0].header, "PixelSpacing", 2)
    step = (positions[-1] - positions[0]) / (len(slices) - 1)  # in full: a tilted gantry shears
    axes_mm = np.stack([step, columns * row_mm, rows * column_mm])
    return Scan(
        array=_voxels(slices),
        axes_mm=axes_mm[:, ::-1],  # DICOM's (x, y, z) to (z, y, x)
        origin_mm=positions[0][::-1],
        source="DICOM",
        acquisition=acquisition([header for _, header in slices]),
        demographics=demographics(slices[0].header),
        warnings=tuple(warnings),
    )


def _slices(folder: Path) -> tuple[list[Slice], list[str]]:
    """Return the DICOM files directly in ``folder``, and a warning if others were left out."""
    files = files_of_scan(folder)
    if not files:
        below = any(f.is_dir() for f in folder.iterdir())
        raise UnusableScanError(
            "the slices of a CT series",
            "a folder without DICOM files" + " but with other folders" * below,
            "name the one that holds the series" if below else "export the series again",
        )
    slices = [Slice(f, _header(f, f"file {n} of {len(files)}")) for n, f in enumerate(files, 1)]
    documents = len(visible_files(folder)) - len(files)
    left_out = f"{documents} files beside the slices are no DICOM images and were left out"
    return slices, [left_out] if documents else []


def _header(file: Path, which: str) -> pydicom.Dataset:
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS)
        list(header)  # decodes the values, which pydicom puts off
        return header
    except UNREADABLE as fault:
        raise UnusableScanError(
            "DICOM slices only",
            f"{which} (by name), which is damaged or is not DICOM",
            "export the series again or take that file out of the folder",
        ) from fault


def _geometry(slices: list[Slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the unit vectors along rows and columns, and all positions [N, 3], (x, y, z)."""
    orientation = np.array(numbers(slices[0].header, "ImageOrientationPatient", 6))
    rows, columns = orientation[:3], orientation[3:]
    gram = [rows @ rows, columns @ columns, rows @ columns]
    if not np.allclose(gram, [1, 1, 0], atol=1e-3):
        raise UnusableScanError(
            "rows and columns at right angles",
            f"ImageOrientationPatient {orientation.tolist()}",
            "export the series again",
        )
    positions = [numbers(header, "ImagePositionPatient", 3) for _, header in slices]
    return rows, columns, np.array(positions)


def _voxels(slices: Sequence[Slice]) -> np.ndarray:
    """Return the HU of all slices, each by its own rescale slope and intercept."""
    first = slices[0].header
    shape = tuple(int(numbers(first, keyword, 1)[0]) for keyword in ("Rows", "Columns"))
    hu = np.empty((len(slices), *shape), np.int16)
    for number, (one, target) in enumerate(zip(slices, hu, strict=True), 1):
        values = _decode(one.file, f"slice {number} of {len(slices)} (from the first position)")
        if values.shape != (1, *shape):
            raise _damaged(f"slice {number}, whose pixels do not match its header")
        target[...] = to_hu(_corrected(values, one.header))[0]
    return hu


def _decode(file: Path, which: str) -> np.ndarray:
    try:
        return sitk.GetArrayFromImage(sitk.ReadImage(str(file), imageIO="GDCMImageIO"))
    except RuntimeError as fault:
        raise _damaged(
            f"{which}, whose pixels are damaged, cut short or stored in a way that GDCM cannot read"
        ) from fault


def _damaged(came: str) -> UnusableScanError:
    return UnusableScanError("readable slices", came, "export the series again")


def _corrected(hu: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """Undo GDCM's inversion of MONOCHROME1, a matter of display only, and give padding its HU."""
    (slope,) = numbers(header, "RescaleSlope", 1, missing=1)
    (intercept,) = numbers(header, "RescaleIntercept", 1, missing=0)
    if text(header, "PhotometricInterpretation") == "MONOCHROME1":
        hu = _sum_of_inverted(header) * slope + 2 * intercept - hu.astype(np.float64)
    (padding,) = numbers(header, "PixelPaddingValue", 1, missing=0)
    if padding * slope + intercept > HIGHEST_CT_NUMBER:  # e.g. -2000 written as unsigned 63536
        hu = np.where(hu == padding * slope + intercept, PADDING_HU, hu)
    return hu


def _sum_of_inverted(header: pydicom.Dataset) -> int:
    """Return what a stored value and the one that GDCM makes of it add up to."""
    (bits,) = numbers(header, "BitsStored", 1)
    (signed,) = numbers(header, "PixelRepresentation", 1)
    return -1 if signed else 2 ** int(bits) - 1
