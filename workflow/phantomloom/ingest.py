"""A scan on whatever grid becomes CT numbers on ours: axes of the patient, one spacing."""

from dataclasses import replace
from itertools import product
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter1d

from phantomloom.resample import LARGEST_PADDING, blur_voxels, turned
from phantomloom.scan import (
    AIR_HU,
    HIGHEST_HU,
    OLDEST_YEARS,
    OUTSIDE_HU,
    Scan,
    UnusableScanError,
)
from phantomloom.tissues import body_surface
from phantomloom.volume import Volume

Spacing = float | Literal["native"]
NEGLIGIBLE_DRIFT = 0.05  # voxels over the whole scan; less than that is not worth resampling
PLAUSIBLE_STEP_MM = (0.05, 20.0)  # beyond it the header's unit is not mm
AIR_BELOW_HU, AIR_LEAST = -800, 0.001  # fraction of the voxels; a body in a CT is in air
TISSUE_HU, TISSUE_LEAST = (-200, 200), 0.01  # fat, water, muscle, organs


def regrid(scan: Scan, spacing_mm: Spacing) -> Volume:
    """Return the scan as int16 HU on the patient's axes; what it does not cover is OUTSIDE_HU.

    ``spacing_mm`` is isotropic, or "native": the scan's own along each axis. If the grid needs
    no more than turning, its voxels come through unchanged.

    Raises:
        UnusableScanError: if the scan is too flat or its values cannot be HU.
    """
    _check_grid(scan)
    _check_hu(scan.array)
    array, axes_mm, origin_mm = turned(scan.array, scan.axes_mm, scan.origin_mm)
    scan = replace(scan, array=array, axes_mm=axes_mm, origin_mm=origin_mm)
    steps = np.linalg.norm(scan.axes_mm, axis=1)
    wanted = steps if spacing_mm == "native" else np.full(3, float(spacing_mm))
    off_mm = np.abs((scan.axes_mm - np.diag(wanted)) * np.reshape(scan.array.shape, (3, 1)))
    if off_mm.sum(axis=0).max() < NEGLIGIBLE_DRIFT * wanted.min():
        return _volume(np.ascontiguousarray(scan.array), wanted, scan.origin_mm)
    return _resampled(scan, wanted)


def _check_grid(scan: Scan) -> None:
    steps = np.linalg.norm(scan.axes_mm, axis=1)
    low, high = PLAUSIBLE_STEP_MM
    if min(scan.array.shape) < 2:
        size = " x ".join(map(str, scan.array.shape[::-1]))
        raise UnusableScanError(
            "a stack of slices", f"one slice ({size} voxels)", "export the whole series"
        )
    if not (np.isfinite(scan.axes_mm).all() and np.isfinite(scan.origin_mm).all()):
        raise UnusableScanError("a grid in mm", "no finite numbers", "export the scan again")
    if not (
        low <= steps.min() and steps.max() <= high and _is_regular(scan.axes_mm / steps[:, None])
    ):
        raise UnusableScanError(
            f"voxels of {low:g} to {high:g} mm along three axes",
            " x ".join(f"{mm:.4g}" for mm in steps[::-1]) + " mm",
            "correct the spacing or its unit and export the scan again",
        )


def _is_regular(directions: np.ndarray) -> bool:
    return bool(abs(np.linalg.det(directions)) > 0.5)  # a gantry tilts 30 degrees: 0.87


def _check_hu(hu: np.ndarray) -> None:
    low, high = TISSUE_HU
    air = np.count_nonzero(hu < AIR_BELOW_HU) / hu.size
    tissue = np.count_nonzero((hu >= low) & (hu <= high)) / hu.size
    if air < AIR_LEAST or tissue < TISSUE_LEAST:
        raise UnusableScanError(
            f"HU: air below {AIR_BELOW_HU} and tissue between {low} and {high}",
            f"values from {hu.min()} to {hu.max()}, {air:.1%} as air and {tissue:.1%} as tissue",
            "give a CT, not windowed or normalised, with its rescale slope and intercept applied",
        )


def _resampled(scan: Scan, spacing_mm: np.ndarray) -> Volume:
    """Interpolate linearly on the smallest box of the patient that holds the scan."""
    borders = [(-0.5, n - 0.5) for n in scan.array.shape]
    corners = scan.origin_mm + np.array(list(product(*borders))) @ scan.axes_mm
    low, high = corners.min(axis=0), corners.max(axis=0)
    # rounded, halves down: the centres of the last voxels lie inside, so no false air is added
    shape = np.maximum(1, np.ceil((high - low) / spacing_mm - 0.5 - 1e-3)).astype(int)
    origin = low + spacing_mm / 2
    to_index = np.linalg.inv(scan.axes_mm).T[::-1, ::-1]  # SimpleITK's order is (x, y, z)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_index.ravel())
    transform.SetTranslation(-to_index @ scan.origin_mm[::-1])

    def placed(array: np.ndarray, beyond: int) -> np.ndarray:
        resampled = sitk.Resample(
            _smoothed(replace(scan, array=array), spacing_mm),
            shape[::-1].tolist(),
            transform,
            sitk.sitkLinear,
            origin[::-1].tolist(),
            spacing_mm[::-1].tolist(),
            np.eye(3).ravel().tolist(),
            beyond,
            sitk.sitkFloat32,
        )
        return sitk.GetArrayFromImage(resampled)

    hu = np.clip(np.rint(placed(scan.array, AIR_HU)), AIR_HU, HIGHEST_HU).astype(np.int16)
    padding = (scan.array == OUTSIDE_HU).astype(np.uint8)
    hu[placed(padding, 1) > LARGEST_PADDING] = OUTSIDE_HU
    return _volume(hu, spacing_mm, origin)


def _smoothed(scan: Scan, spacing_mm: np.ndarray) -> sitk.Image:
    """Return the voxels, in a grid of indices, without detail that coarser voxels would alias.

    Unlike an area mean the blur of ``blur_voxels`` serves any ratio and any direction.
    """
    smooth = np.ascontiguousarray(scan.array)
    for axis, step_mm in enumerate(np.linalg.norm(scan.axes_mm, axis=1)):
        # where nothing is padded the mask of it is empty, and stays so
        if smooth.any() and spacing_mm[axis] ** 2 - step_mm**2 > (0.01 * step_mm) ** 2:
            sigma = blur_voxels(float(step_mm), float(spacing_mm[axis]))
            smooth = gaussian_filter1d(smooth, sigma, axis, output=np.float32, mode="nearest")
    return sitk.GetImageFromArray(smooth)


def _volume(array: np.ndarray, spacing_mm: np.ndarray, origin_mm: np.ndarray) -> Volume:
    (dz, dy, dx), (z, y, x) = spacing_mm.tolist(), origin_mm.tolist()
    return Volume(array, (dz, dy, dx), (z, y, x))


def check_body(ct: Volume) -> None:
    """Check that there is a body in ``ct``, by the very search that finds its skin later.

    Raises:
        UnusableScanError: if nothing is as thick as one.
    """
    try:
        body_surface(ct)
    except ValueError as fault:
        raise UnusableScanError("a body in air", f"{fault}", "give the CT of a person") from fault


def of_stylised(scan: Scan, person: dict[str, Any]) -> Scan:
    """Return the generated scan of a ``person``, as their file describes them, marked as such."""
    return replace(
        scan,
        source="stylised",
        acquisition={"contrast_agent": person["phase"] != "none"},
        demographics={k: person[k] for k in ("sex", "age_years", "height_cm", "weight_kg")},
        warnings=(
            f"a stylised person, number {person['number']} of the family {person['family']}: "
            "generated, no patient was scanned",
            *scan.warnings,
        ),
    )


def describe(scan: Scan, ct: Volume, sheet: dict[str, Any]) -> dict[str, Any]:
    """Return what later stages may know of the scan beside its voxels: nothing that identifies.

    ``sheet`` holds the person's row of the case sheet, None where unknown; it goes before the
    scan's own header.
    """
    person, doubts = _person(sheet, scan.demographics)
    return {
        "source": scan.source,
        "geometry": {
            "shape_zyx": list(ct.array.shape),
            "spacing_mm": [round(mm, 6) for mm in ct.spacing_mm],
            "origin_mm": [round(mm, 6) for mm in ct.origin_mm],
            "source_shape": list(scan.array.shape),
            "source_spacing_mm": np.linalg.norm(scan.axes_mm, axis=1).round(6).tolist(),
        },
        "acquisition": scan.acquisition,
        "demographics": person,
        "warnings": [*scan.warnings, *_grid_warnings(scan), *doubts],
    }


def _person(sheet: dict[str, Any], header: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is known of the person, and where sheet and header contradict each other."""
    known = _capped({key: value for key, value in sheet.items() if value is not None})
    header = _capped(header)
    doubts = [
        f"{key} is {known[key]} in the case sheet, {header[key]} in the scan; the sheet counts"
        for key in ("sex", "age_years")
        if key in known and key in header and not _alike(known[key], header[key])
    ]
    return header | known, doubts


def _alike(told: str | float, written: str | float) -> bool:
    """Whether sheet and header agree: a header tells an age in full years, of babies in parts."""
    if isinstance(told, str) or isinstance(written, str):
        return told == written
    return told == written or int(told) == written


def _capped(person: dict[str, Any]) -> dict[str, Any]:
    old = person.get("age_years", 0) >= OLDEST_YEARS
    return person | {"age_years": OLDEST_YEARS} if old else person


def _grid_warnings(scan: Scan) -> list[str]:
    _, axes_mm, _ = turned(scan.array, scan.axes_mm, scan.origin_mm)
    steps = np.linalg.norm(axes_mm, axis=1)
    tilt = np.degrees(np.arccos(np.clip(np.diag(axes_mm) / steps, -1, 1)))
    warnings = []
    if tilt.max() > 0.1:
        warnings.append(f"the grid is up to {tilt.max():.1f} degrees off the patient's axes")
    if steps.max() > 5:
        warnings.append(f"voxels are {steps.max():.3g} mm thick; small structures may be lost")
    return warnings
