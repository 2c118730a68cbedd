"""From water-equivalent lengths to slices: FDK for a curved detector, and the HU scale."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
from scipy import fft

from phantomloom.compiled import compiled
from phantomloom.scan import AIR_HU
from phantomloom.simulation.geometry import Scanner, fan_angles, row_heights, view_angles

CALIBRATION_DIAMETER_MM = 240.0  # a trunk's; at most CALIBRATION_SHARE of the scan field
CALIBRATION_SHARE = 0.8
BLOCK = 8  # rows of pixels a thread works on at a time: their sums stay in its cache


class Grid(NamedTuple):
    """Pixels of all slices; origin is the centre of the first, relative to the isocentre."""

    shape: tuple[int, int]  # (Y, X)
    pixel_mm: tuple[float, float]
    origin_mm: tuple[float, float]
    radius_mm: float  # pixels farther from the isocentre are left out


def kernel(scanner: Scanner, window: str, cutoff_lp_per_cm: float) -> np.ndarray:
    """Return a kernel's frequency response for rows padded to ``padded(scanner)``, float32 [F].

    It is the ramp for equiangular rays (Kak & Slaney 1988, eq. 3.4.2: discretised in space, so
    that zero frequency is right), apodised up to the cut-off, as seen at the isocentre:
    ``hann`` falls as a raised cosine to nothing, ``cosine`` as a quarter cosine to nothing,
    ``flat`` stays 1.

    Raises:
        ValueError: if the cut-off lies beyond what the cells can carry.
    """
    limit = 5 / scanner.column_mm
    if not 0 < cutoff_lp_per_cm <= limit:
        raise ValueError(
            f"cutoff_lp_per_cm is at most {limit:.3g} with column_mm {scanner.column_mm:g}; "
            f"got {cutoff_lp_per_cm:g}"
        )
    size = padded(scanner)
    n = np.minimum(np.arange(size), size - np.arange(size))
    alpha = scanner.column_angle
    odd = n % 2 == 1
    ramp = np.zeros(size)
    ramp[odd] = -1 / (2 * np.pi**2 * np.sin(np.minimum(n[odd] * alpha, np.pi / 2)) ** 2)
    ramp[0] = 1 / (8 * alpha**2)
    lp_per_cm = fft.rfftfreq(size, scanner.column_mm / 10)
    relative = lp_per_cm / cutoff_lp_per_cm
    shape = WINDOWS[window](relative) * (relative <= 1)
    return (fft.rfft(ramp).real * shape * alpha).astype(np.float32)


WINDOWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hann": lambda f: 0.5 + 0.5 * np.cos(np.pi * f),
    "cosine": lambda f: np.cos(np.pi / 2 * f),
    "flat": lambda f: np.ones_like(f),
}


def padded(scanner: Scanner) -> int:
    """Return the length that keeps the two ends of a row apart."""
    return fft.next_fast_len(2 * scanner.columns, real=True)


def filtered(
    water_mm: np.ndarray, scanner: Scanner, kernels: Mapping[str, Mapping[str, Any]]
) -> np.ndarray:
    """Weight and filter projections [V, R, C]; return float32 [V, C, K, R], K in kernels' order."""
    source = scanner.source_to_isocentre_mm
    weight = source * np.cos(fan_angles(scanner))
    oblique = source / np.hypot(source, row_heights(scanner))
    responses = [kernel(scanner, **settings) for settings in kernels.values()]
    views, rows, columns = water_mm.shape
    result = np.empty((views, columns, len(responses), rows), np.float32)
    weights = (oblique[:, None] * weight).astype(np.float32)
    for part in np.array_split(np.arange(views), max(views // 60, 1)):
        spectra = fft.rfft(water_mm[part] * weights, padded(scanner))
        for k, response in enumerate(responses):
            rows_back = fft.irfft(spectra * response, padded(scanner))[..., :columns]
            result[part, :, k] = rows_back.transpose(0, 2, 1)
    return result


def back_project(
    projections: np.ndarray,
    scanner: Scanner,
    grid: Grid,
    slices_mm: np.ndarray,
    thickness_mm: float = 0.0,
) -> np.ndarray:
    """Return attenuation relative to water (1 in water), float32 [K, Z, Y, X]; NaN outside.

    ``slices_mm`` are relative to the tube's plane. Each is the mean over ``thickness_mm``, at least
    over the height of a row, so that noise and sharpness hardly depend on where between two rows a
    slice lies: interpolated, one on a row has twice the variance of one between two. Voxel-driven,
    linear along the columns; the weights are those of Feldkamp, Davis & Kress, J Opt Soc Am A 1
    (1984) 612, for equiangular rays.
    """
    views, _, kernels, _ = projections.shape
    image = np.zeros((*grid.shape, kernels, len(slices_mm)), np.float32)
    _back_project(
        projections,
        view_angles(scanner),
        scanner.source_to_isocentre_mm,
        scanner.first_fan_angle,
        scanner.column_angle,
        scanner.row_mm,
        np.array(grid.origin_mm),
        np.array(grid.pixel_mm),
        grid.radius_mm,
        np.asarray(slices_mm, np.float32),
        np.float32(thickness_mm),
        image,
    )
    image[~_inside(grid)] = np.nan
    return image.transpose(2, 3, 0, 1) * np.float32(2 * np.pi / views)


def _inside(grid: Grid) -> np.ndarray:
    y, x = (
        o + mm * np.arange(n)
        for o, mm, n in zip(grid.origin_mm, grid.pixel_mm, grid.shape, strict=True)
    )
    return y[:, None] ** 2 + x**2 <= grid.radius_mm**2


def hounsfield(relative: np.ndarray, water: float) -> np.ndarray:
    """Return HU as int16 from attenuation relative to water; ``water`` is what water gave."""
    hu = np.nan_to_num(1000 * (relative / np.float32(water) - 1), nan=AIR_HU)
    return np.rint(np.clip(hu, AIR_HU, 32767)).astype(np.int16)


def water_value(
    scanner: Scanner, settings: Mapping[str, Any], lengths_to_mm: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Return what the centre of a water cylinder reconstructs to, ideally 1.

    The cylinder is centred, long and 240 mm wide (less in a small field); its chords are exact and
    ``lengths_to_mm`` turns them into what the scanner makes of them (reading, logarithm, water
    correction).
    """
    fan, rise = fan_angles(scanner), row_heights(scanner) / scanner.source_to_isocentre_mm
    off_axis = scanner.source_to_isocentre_mm * np.sin(fan)
    radius = min(CALIBRATION_DIAMETER_MM / 2, CALIBRATION_SHARE * scanner.field_radius_mm)
    half = np.sqrt(np.maximum(radius**2 - off_axis**2, 0))
    view = lengths_to_mm(np.hypot(1, rise)[:, None] * 2 * half).astype(np.float32)
    filters = filtered(view[None], scanner, {"": settings})
    projections = np.repeat(filters, scanner.views_per_rotation, axis=0)
    pixels = np.arange(-10, 10.5, 1.0)
    grid = Grid((len(pixels),) * 2, (1.0, 1.0), (pixels[0], pixels[0]), 10.0)
    return float(np.nanmean(back_project(projections, scanner, grid, np.zeros(1))))


@compiled(fastmath=True)
def _aim(x, y, cosine, sine, source, first_fan, column_angle, row_mm, aims):
    """Fill ``aims`` [3, X] for a row of pixels: column, weight, and rows per mm of height.

    The arc tangent is that of half the angle, by its series: exact to 1e-9 and vectorised.
    """
    for i in range(len(x)):
        along = source - x[i] * sine + y * cosine
        across = -x[i] * cosine - y * sine
        squared = along * along + across * across
        distance = np.sqrt(squared)
        t = across / (along + distance)
        q = t * t
        series = 1 - q * (1 / 3 - q * (1 / 5 - q * (1 / 7 - q * (1 / 9 - q * (1 / 11)))))
        aims[0, i] = (2 * t * series - first_fan) / column_angle
        aims[1, i] = 1 / squared
        aims[2, i] = source / (distance * row_mm)


@compiled(fastmath=True)
def _add(left, right, fraction, weight, per_mm, slices, thickness, below, image):
    """Add to the slices of a pixel, ``image`` [K, Z], one view: columns ``left``, ``right`` [K, R].

    ``below`` [K, R + 1] takes the sum of all rows below each edge: the mean over a slice is a
    difference of two. Beyond the middle of the outermost row its value holds: the cone ends at
    that row's edge.
    """
    kernels, rows = left.shape
    for k in range(kernels):
        below[k, 0] = 0
        for r in range(rows):
            value = left[k, r] + fraction * (right[k, r] - left[k, r])
            below[k, r + 1] = below[k, r] + weight * value
    half = np.float32(0.5) * max(thickness * per_mm, np.float32(1))
    middle, last = np.float32(0.5 * rows), np.float32(rows)
    for s in range(len(slices)):
        w = min(max(slices[s] * per_mm + middle, np.float32(0.5)), last - np.float32(0.5))
        low, high = max(w - half, np.float32(0)), min(w + half, last)
        a, b = min(int(low), rows - 1), min(int(high), rows - 1)
        past_a, past_b, share = low - np.float32(a), high - np.float32(b), 1 / (high - low)
        for k in range(kernels):
            to_low = below[k, a] + past_a * (below[k, a + 1] - below[k, a])
            to_high = below[k, b] + past_b * (below[k, b + 1] - below[k, b])
            image[k, s] += share * (to_high - to_low)


@compiled(parallel=True, fastmath=True)
def _back_project(
    projections,
    views,
    source,
    first_fan,
    column_angle,
    row_mm,
    origin,
    pixel,
    radius,
    slices,
    thickness,
    image,
):
    """Add all views to ``image`` [Y, X, K, Z]."""
    columns, kernels, rows = projections.shape[1:]
    height, width = image.shape[:2]
    x = origin[1] + pixel[1] * np.arange(width)
    for block in numba.prange((height + BLOCK - 1) // BLOCK):
        below = np.empty((kernels, rows + 1), np.float32)
        aims = np.empty((3, width), np.float32)
        for v in range(len(views)):
            cosine, sine = np.cos(views[v]), np.sin(views[v])
            for iy in range(block * BLOCK, min((block + 1) * BLOCK, height)):
                y = origin[0] + pixel[0] * iy
                chord = radius * radius - y * y
                if chord < 0:
                    continue
                half = np.sqrt(chord)
                begin = max(int(np.ceil((-half - origin[1]) / pixel[1])), 0)
                end = min(int(np.floor((half - origin[1]) / pixel[1])) + 1, width)
                _aim(x[begin:end], y, cosine, sine, source, first_fan, column_angle, row_mm, aims)
                for ix in range(begin, end):
                    u = aims[0, ix - begin]
                    c = min(max(int(u), 0), columns - 2)
                    _add(
                        projections[v, c], projections[v, c + 1], u - np.float32(c),
                        aims[1, ix - begin], aims[2, ix - begin], slices, thickness, below,
                        image[iy, ix],
                    )  # fmt: skip
