"""The few attributes of a DICOM header that may leave it: technique, sex and age."""

import math
import re
from typing import Any

import numpy as np
import pydicom
from pydicom.multival import MultiValue

from phantomloom.scan import UnusableScanError

TECHNIQUE = {  # our name: DICOM keyword; numbers, the median over the slices
    "tube_voltage_kv": "KVP",
    "tube_current_ma": "XRayTubeCurrent",
    "exposure_mas": "Exposure",
    "exposure_time_ms": "ExposureTime",
    "slice_thickness_mm": "SliceThickness",
    "reconstruction_diameter_mm": "ReconstructionDiameter",
    "gantry_tilt_deg": "GantryDetectorTilt",
    "pitch": "SpiralPitchFactor",
    "ctdi_vol_mgy": "CTDIvol",
}
DEVICE = {  # texts that the scanner sets, not people
    "manufacturer": "Manufacturer",
    "scanner": "ManufacturerModelName",
    "convolution_kernel": "ConvolutionKernel",
}
NO_AGENT = ("", "NONE", "NO", "N")  # what scanners and people write where none was given
PERSON = "PatientSex PatientAge PatientBirthDate StudyDate PatientSize PatientWeight"
IMAGE = """ImageType Modality SeriesInstanceUID SeriesNumber SamplesPerPixel NumberOfFrames
    PhotometricInterpretation Rows Columns PixelSpacing ImagePositionPatient
    ImageOrientationPatient BitsStored PixelRepresentation PixelPaddingValue RescaleSlope
    RescaleIntercept RescaleType ContrastBolusAgent"""
TAGS: list[Any] = [*IMAGE.split(), *PERSON.split(), *TECHNIQUE.values(), *DEVICE.values()]


def text(header: pydicom.Dataset, keyword: str) -> str:
    """Return an attribute as text, several values joined by a blank; empty if there is none."""
    value = header.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    return " ".join(str(item).strip() for item in values).strip()


def numbers(
    header: pydicom.Dataset, keyword: str, count: int, missing: float | None = None
) -> list[float]:
    """Return the ``count`` finite numbers of an attribute; ``missing`` in place of an absent one.

    Raises:
        UnusableScanError: if it is absent without a substitute or holds something else.
    """
    values = _numbers(header, keyword)
    if values == [] and missing is not None:
        return [missing]
    if len(values) != count or not np.isfinite(values).all():
        raise UnusableScanError(
            f"{count} numbers as {keyword} in every slice" if count > 1 else f"a number {keyword}",
            "a slice with others" if values else "a slice without",
            "export the series again from the scanner or archive",
        )
    return values


def _numbers(header: pydicom.Dataset, keyword: str) -> list[float]:
    """Return an attribute's numbers, NaN for what is none; nothing if it is absent."""
    try:
        value = header.get(keyword)
        if value is None or value == "":
            return []
        return [float(v) for v in (value if isinstance(value, MultiValue) else [value])]
    except (TypeError, ValueError, OverflowError):
        return [math.nan]


def _number(header: pydicom.Dataset, keyword: str, low: float, high: float) -> float | None:
    """Return an attribute's first number if it lies where it can be meant."""
    values = _numbers(header, keyword)
    return values[0] if values and low <= values[0] <= high else None


def acquisition(headers: list[pydicom.Dataset]) -> dict[str, Any]:
    """Return how the scan was made; what its headers do not say is left out."""
    found: dict[str, Any] = {name: text(headers[0], key) for name, key in DEVICE.items()}
    for name, keyword in TECHNIQUE.items():
        values = [value for h in headers if (value := _number(h, keyword, -1e6, 1e6)) is not None]
        if values:
            found[name] = round(float(np.median(values)), 4)
    found["contrast_agent"] = text(headers[0], "ContrastBolusAgent").upper() not in NO_AGENT
    return {name: value for name, value in found.items() if value != ""}


def demographics(header: pydicom.Dataset) -> dict[str, Any]:
    """Return sex, age_years, height_cm and weight_kg as far as the header says them."""
    sex = text(header, "PatientSex")
    metres = _number(header, "PatientSize", 0.2, 2.6)
    found = {
        "sex": sex if sex in ("M", "F") else None,
        "age_years": _age_years(header),
        "height_cm": metres and round(metres * 100, 1),
        "weight_kg": _number(header, "PatientWeight", 0.3, 500),
    }
    return {name: value for name, value in found.items() if value is not None}


def _age_years(header: pydicom.Dataset) -> int | None:
    """Return the age at the scan in full years, if need be from the dates, which stay behind.

    An age of nothing is what stands where none is known; as a child the patient went unjudged.
    """
    age = re.fullmatch(r"(\d{1,3})([DWMY])", text(header, "PatientAge"))
    if age and int(age[1]):
        per_year = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[age[2]]
        return int(int(age[1]) / per_year)
    born, scanned = text(header, "PatientBirthDate"), text(header, "StudyDate")
    if not (re.fullmatch(r"\d{8}", born) and re.fullmatch(r"\d{8}", scanned)) or born == scanned:
        return None
    years = (int(scanned) - int(born)) // 10_000  # yyyymmdd: the birthday borrows from the years
    return years if 0 <= years < 130 else None
