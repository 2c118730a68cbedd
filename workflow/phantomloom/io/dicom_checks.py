"""Is a folder of DICOM headers one whole, regular CT series? If not, what is wrong and where."""

import numpy as np
import pydicom

from phantomloom.io.dicom_header import numbers, text
from phantomloom.scan import UnusableScanError


def check_series(headers: list[pydicom.Dataset]) -> None:
    """Check that ``headers`` are of one series of single CT slices in HU.

    Raises:
        UnusableScanError: saying what else they are.
    """
    series: dict[tuple[str, bool], list[pydicom.Dataset]] = {}
    for header in headers:
        scout = "LOCALIZER" in text(header, "ImageType").upper()
        series.setdefault((text(header, "SeriesInstanceUID"), scout), []).append(header)
    if len(series) > 1:
        kinds = sorted(_series_name(scout, headers) for (_, scout), headers in series.items())
        raise UnusableScanError(
            "one CT series",
            f"{len(series)} series mixed in one folder ({'; '.join(kinds)})",
            "leave only the series to be used in the folder",
        )
    ((_, scout),) = series
    modality = "CT" if all(text(h, "Modality") == "CT" for h in headers) else ""
    frames = max(numbers(h, "NumberOfFrames", 1, missing=1)[0] for h in headers)
    colours = max(numbers(h, "SamplesPerPixel", 1, missing=1)[0] for h in headers)
    units = {text(h, "RescaleType") for h in headers} - {"", "HU", "US"}  # US is "unspecified"
    faults = {
        f"modality {text(headers[0], 'Modality') or 'unknown'}": not modality,
        "a localizer (scout view)": scout,
        "a colour picture": colours != 1,
        "an enhanced (multi-frame) DICOM file": frames != 1,
        f"values in {', '.join(sorted(units))}, not HU": bool(units),
    }
    for fault, found in faults.items():
        if found:
            raise UnusableScanError(
                "a CT series of single slices in HU", fault, "export the axial CT series"
            )


def _series_name(scout: bool, headers: list[pydicom.Dataset]) -> str:
    """Describe a series by what identifies nobody: not its UID, not its free-text description."""
    first = headers[0]
    kernel = text(first, "ConvolutionKernel")
    kind = f"{text(first, 'Modality') or 'unknown'}{' localizer' if scout else ''}"
    number = text(first, "SeriesNumber") or "without number"
    return f"series {number}: {len(headers)} {kind}" + (f", kernel {kernel}" if kernel else "")


def check_alike(headers: list[pydicom.Dataset]) -> None:
    """Check that all slices have one size and orientation.

    Raises:
        UnusableScanError: naming the attribute in which they differ.
    """
    for keyword, count in (
        ("Rows", 1),
        ("Columns", 1),
        ("PixelSpacing", 2),
        ("ImageOrientationPatient", 6),
    ):
        values = np.array([numbers(header, keyword, count) for header in headers])
        if np.ptp(values, axis=0).max() > 1e-3:
            raise UnusableScanError(
                "slices of one size and orientation",
                f"slices that differ in {keyword}",
                "leave only one series in the folder",
            )


def check_stack(positions: np.ndarray, normal: np.ndarray) -> None:
    """Check that slices at ``positions`` [N, 3] (x, y, z mm, in order) are a regular stack.

    Raises:
        UnusableScanError: saying where in mm slices are missing, doubled or irregular.
    """
    if len(positions) < 2:
        raise UnusableScanError("a stack of slices", "one slice", "export the whole series")
    axis = int(np.argmax(np.abs(normal)))
    where = [f"{'xyz'[axis]} = {mm:.1f} mm" for mm in positions[:, axis]]
    gaps = np.diff(positions @ normal)
    apart = gaps[gaps > 0.01]
    usual = float(np.median(apart)) if apart.size else 0.0
    _refuse_at(
        [where[i] for i in np.flatnonzero(gaps <= max(0.1 * usual, 0.01))],
        "one slice at each position",
        "doubled slices at",
        "remove the copies or the second reconstruction",
    )
    wide = gaps > 1.5 * usual
    if not (wide[1:] & wide[:-1]).any():  # else no slice got lost, the spacing is another
        _refuse_at(
            [f"{where[i]} and {where[i + 1]}" for i in np.flatnonzero(wide)],
            f"a slice every {usual:.4g} mm",
            "slices missing between",
            "export the series again, whole",
        )
    line = np.linspace(positions[0], positions[-1], len(positions))
    off = np.linalg.norm(positions - line, axis=1)
    # some scanners round positions to 0.1 mm, so that even a regular stack strays by 0.05 an axis
    _refuse_at(
        [where[i] for i in np.flatnonzero(off > max(0.1 * usual, 0.11))],
        "slices at equal distances in a straight line",
        f"slices {gaps.min():.2f} to {gaps.max():.2f} mm apart, irregular around",
        "export a series with one slice spacing",
    )


def _refuse_at(places: list[str], expected: str, came: str, cure: str) -> None:
    if places:
        more = f" and {len(places) - 5} more places" if len(places) > 5 else ""
        raise UnusableScanError(expected, f"{came} {', '.join(places[:5])}{more}", cure)
