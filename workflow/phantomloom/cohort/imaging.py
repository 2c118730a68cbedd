"""A CT of a person and its labels on the same grid."""

from math import ceil

import numpy as np
from scipy import ndimage

from phantomloom.cohort.build import VERTEX, body
from phantomloom.cohort.painting import drawn, whole_grid
from phantomloom.cohort.painting import levels as find_levels
from phantomloom.cohort.people import Person
from phantomloom.cohort.rendering import METAL_HU, render
from phantomloom.cohort.scanners import Scanner, couch
from phantomloom.cohort.unnamed import named
from phantomloom.volume import Triple, Volume

FINE_MM = 1.5
RANGE_HU = (-1024, 3071)
FIELDS = {  # lower and upper end, reference heights in mm
    **{"chest": (1195.0, 1490.0), "abdomen": (1045.0, 1320.0)},
    **{"abdomen_pelvis": (825.0, 1320.0), "head_neck": (1430.0, 1775.0)},
}
MIN_CUT_MM, LOWEST_CUT_MM = 120.0, 760.0  # of random cuts, which show no lower legs
BEYOND_MM = 15.0  # the thickest wall that is drawn around something
NEAR_MM = 20.0  # of the body, where noise is as in it
STREAKS, STREAK_HU, STREAK_MM = 9, 260.0, 45.0  # of metal: count, height, reach


def ct(
    person: Person,
    field_of_view: str = "whole",
    spacing_mm: float | Triple = 3.0,
    scanner: Scanner | None = None,
    levels: dict[str, float] | None = None,
    seed: int = 0,
    fine_mm: float = FINE_MM,
) -> tuple[Volume, Volume]:
    """Return a CT in HU (int16) and the labels (uint8) of a person on one grid.

    ``field_of_view`` is "whole", a name of FIELDS, or "random" for a cut that ``seed`` draws;
    ``seed`` also draws texture and noise. Slices are as thick as their distance.
    What a voxel averages is rendered on a grid of ``fine_mm``; ``levels`` (from
    ``painting.levels``) spares seeking them again.

    Raises:
        ValueError: if there is no such field of view.
    """
    random = person.random(75, seed)
    scanner = scanner or Scanner()
    levels = levels or find_levels(person)
    grid = _field(person, field_of_view, spacing_mm, random)
    thickness = grid.spacing_mm[0]
    fine = _painted(person, _fine_grid(grid, thickness, fine_mm), levels)
    painted = _painted(person, grid, levels)
    labels = painted.with_array(named(painted.array))
    hu = render(person, fine, random)
    _put_couch(person, scanner, fine, hu)
    metal = fine.with_array((hu >= METAL_HU - 1).astype(np.float32))
    sampled = _sampled(hu, fine, grid, scanner.blur_mm, thickness)
    if metal.array.any():
        sampled += _streaks(_sampled(metal.array, fine, grid, 0.5, thickness), grid, random)
    sampled += _noise(labels.array > 0, grid, scanner, thickness, random)
    rounded = np.clip(np.rint(sampled), *RANGE_HU).astype(np.int16)
    return grid.with_array(rounded), labels


def _field(
    person: Person, name: str, spacing_mm: float | Triple, random: np.random.Generator
) -> Volume:
    """Return an empty grid: the heights asked for, the body's breadth, room for the couch."""
    if name not in ("whole", "random", *FIELDS):
        raise ValueError(f"fields of view: whole, random, {', '.join(FIELDS)}; got {name!r}")
    whole = whole_grid(person, spacing_mm)
    if name == "whole":
        return whole
    low, high = FIELDS[name] if name in FIELDS else _cut(random)
    frame = body(person).frame
    ends = frame.forward(np.array([[low, 0.0, 0.0], [high, 0.0, 0.0]]))[:, 0]
    step, origin = whole.spacing_mm[0], whole.origin_mm[0]
    first = max(0, round((ends[0] - origin) / step))
    last = min(whole.array.shape[0], max(first + 1, round((ends[1] - origin) / step)))
    start: Triple = (origin + first * step, *whole.origin_mm[1:])
    return Volume(whole.array[first:last].copy(), whole.spacing_mm, start)


def _painted(person: Person, grid: Volume, levels: dict[str, float]) -> Volume:
    """Return what is painted on a grid that cuts the person, reckoning with walls beyond the cut.

    It has ids of ``unnamed``.
    """
    step, more = grid.spacing_mm[0], ceil(BEYOND_MM / grid.spacing_mm[0])
    z, y, x = grid.array.shape
    start: Triple = (grid.origin_mm[0] - more * step, *grid.origin_mm[1:])
    larger = Volume(np.zeros((z + 2 * more, y, x), np.uint8), grid.spacing_mm, start)
    labels, _ = drawn(person, larger, levels)
    return grid.with_array(labels.array[more:-more])


def _cut(random: np.random.Generator) -> tuple[float, float]:
    length = random.uniform(MIN_CUT_MM, 600)
    low = random.uniform(LOWEST_CUT_MM, VERTEX - MIN_CUT_MM)
    return float(low), float(min(low + length, VERTEX + 10))


def _fine_grid(grid: Volume, thickness_mm: float, fine_mm: float) -> Volume:
    """Return an empty grid of ``fine_mm`` that covers ``grid`` and half a slice beyond."""
    beyond = np.array([thickness_mm / 2, 0, 0]) + 3 * fine_mm
    low = np.array(grid.origin_mm) - np.array(grid.spacing_mm) / 2 - beyond
    size = np.ceil((np.array(grid.extent_mm) + 2 * beyond) / fine_mm).astype(int)
    z, y, x = (float(v) for v in low + fine_mm / 2)
    return Volume(np.zeros(size, np.uint8), (fine_mm,) * 3, (z, y, x))


def _put_couch(person: Person, scanner: Scanner, fine: Volume, hu: np.ndarray) -> None:
    """Fill the room with air and a couch under the back, clear of the body."""
    z, y, x = fine.array.shape
    rows = np.flatnonzero((fine.array > 0).any(axis=(0, 2)))
    step = fine.spacing_mm[0]
    back = fine.origin_mm[1] + step * (rows[-1] if len(rows) else y - 1)
    at_y = fine.origin_mm[1] + step * np.arange(y)[:, None]
    at_x = fine.origin_mm[2] + step * np.arange(x)[None, :]
    room = couch(scanner, at_y, at_x, float(back) - 2)
    np.copyto(hu, np.broadcast_to(room, (z, y, x)), where=fine.array == 0)


def _sampled(
    fine: np.ndarray, grid: Volume, target: Volume, blur_mm: float, thickness_mm: float
) -> np.ndarray:
    """Return values on the target's grid: blurred in the slice, averaged over voxel and slice."""
    blur = blur_mm / grid.spacing_mm[0]
    values = ndimage.gaussian_filter(fine, [0, blur, blur], truncate=3)
    widths_mm = (thickness_mm, target.spacing_mm[1], target.spacing_mm[2])
    for axis, width_mm in enumerate(widths_mm):
        shares = _shares(grid, target, axis, width_mm).astype(values.dtype)
        values = np.moveaxis(np.tensordot(shares, values, (1, axis)), 0, axis)
    return np.ascontiguousarray(values)


def _shares(grid: Volume, target: Volume, axis: int, width_mm: float) -> np.ndarray:
    """Return how much of the width about each target voxel's centre lies in each voxel, [T, F].

    A width below a voxel's counts as one, which interpolates linearly.
    """
    step = grid.spacing_mm[axis]
    width = max(width_mm, step)
    centre = grid.origin_mm[axis] + step * np.arange(grid.array.shape[axis])
    at = target.origin_mm[axis] + target.spacing_mm[axis] * np.arange(target.array.shape[axis])
    apart = np.abs(at[:, None] - centre)
    shares = np.clip((width + step) / 2 - apart, 0, step)
    return shares / shares.sum(1, keepdims=True)


def _streaks(metal: np.ndarray, grid: Volume, random: np.random.Generator) -> np.ndarray:
    """Return bright and dark rays from the middle of the metal in each slice."""
    result = np.zeros_like(metal)
    phase = random.uniform(0, 2 * np.pi)
    for index, plane in enumerate(metal):
        weight = float(plane.sum())
        if weight < 0.5:
            continue
        y, x = np.indices(plane.shape)
        y = (y - (plane * y).sum() / weight) * grid.spacing_mm[1]
        x = (x - (plane * x).sum() / weight) * grid.spacing_mm[2]
        angle, away = np.arctan2(y, x), np.hypot(y, x)
        rays = np.cos(STREAKS * angle + phase) + 0.7 * np.cos(2 * angle)
        result[index] = STREAK_HU * rays * np.exp(-away / STREAK_MM) * (plane < 0.5)
    return result


def _noise(
    inside: np.ndarray,
    grid: Volume,
    scanner: Scanner,
    thickness_mm: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return noise correlated in the slice, less in the room, less in thick slices.

    ``inside`` [Z, Y, X] is the body.
    """
    noise = random.standard_normal(inside.shape, np.float32)
    sigma = [0, *(scanner.grain_mm / mm for mm in grid.spacing_mm[1:])]
    noise = ndimage.gaussian_filter(noise, sigma)
    noise *= scanner.noise_hu * np.sqrt(3 / thickness_mm) / max(float(noise.std()), 1e-6)
    reach = [1, *(2 * round(NEAR_MM / mm) + 1 for mm in grid.spacing_mm[1:])]
    near = ndimage.maximum_filter(inside, reach)
    return noise * np.where(near, 1, 0.5).astype(np.float32)
