"""Resampling onto axis-aligned grids, one small matrix an axis: scans linearly, labels by area."""

from math import ceil, floor
from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform, find_objects
from scipy.optimize import linear_sum_assignment

from phantomloom.scan import AIR_HU, OUTSIDE_HU
from phantomloom.structures import BACKGROUND
from phantomloom.volume import Triple, Volume

FWHM_PER_SIGMA = 2.3548  # of a Gaussian
NEGLIGIBLE_VOXELS = 0.05  # over a whole axis; a grid that is less oblique than that is not oblique
SLAB = 16  # slices that labels are resampled in at once, to spare memory
LARGEST_PADDING = 0.05  # share of a voxel; muscle with more of it had the HU of fat
TIE = 1e-4  # shares of a voxel that differ by less are equal; more than float32 errs


class Grid(NamedTuple):
    """Where voxels lie, in the order (z, y, x)."""

    shape: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple

    @classmethod
    def of(cls, volume: Volume) -> "Grid":
        """Return the grid of ``volume``."""
        z, y, x = volume.array.shape
        return cls((z, y, x), volume.spacing_mm, volume.origin_mm)

    def at(self, spacing_mm: float) -> "Grid":
        """Return the isotropic grid that covers the same box, from the same corner."""
        shape = [
            max(1, ceil(n * mm / spacing_mm - 0.01))
            for n, mm in zip(self.shape, self.spacing_mm, strict=True)
        ]
        origin = [
            o + (spacing_mm - mm) / 2 for o, mm in zip(self.origin_mm, self.spacing_mm, strict=True)
        ]
        return Grid(
            (shape[0], shape[1], shape[2]), (spacing_mm,) * 3, (origin[0], origin[1], origin[2])
        )

    def rows(self, first: int, end: int) -> "Grid":
        """Return the slices from ``first`` to before ``end``."""
        z, y, x = self.origin_mm
        shape = (end - first, *self.shape[1:])
        return Grid(shape, self.spacing_mm, (z + first * self.spacing_mm[0], y, x))

    def split(self, parts: tuple[int, ...]) -> "Grid":
        """Return the grid that divides each voxel into so many along each axis."""
        axes = [
            (n * k, mm / k, o - mm / 2 + mm / k / 2)
            for n, mm, o, k in zip(*self, parts, strict=True)
        ]
        return Grid(*zip(*axes, strict=True))


def matrices(source: Grid, target: Grid) -> list[np.ndarray]:
    """Return for each axis the weights [target, source] that interpolate linearly.

    Rows sum to one; beyond the source its border goes on. Where the target is coarser, a Gaussian
    (``blur_voxels``) first takes away what it would alias.
    """
    return [_matrix(*axes) for axes in zip(*source, *target, strict=True)]


def blur_voxels(fine_mm: float, coarse_mm: float) -> float:
    """Return the standard deviation, in fine voxels, of the blur that a coarser grid needs.

    A voxel is taken for a Gaussian whose full width at half maximum is its size; the blur is what
    the fine one lacks of the coarse one (Cardoso et al., MICCAI 2015, "Scale factor point spread
    function matching").
    """
    return (coarse_mm**2 - fine_mm**2) ** 0.5 / FWHM_PER_SIGMA / fine_mm


def _matrix(n: int, mm: float, origin: float, m: int, target_mm: float, target_origin: float):
    position = (target_origin + target_mm * np.arange(m) - origin) / mm  # in source voxels
    distance = np.abs(np.clip(position, 0, n - 1)[:, None] - np.arange(n))
    weights = np.maximum(0, 1 - distance)
    if target_mm > 1.01 * mm:
        sigma = blur_voxels(mm, target_mm)
        apart = np.arange(n)[:, None] - np.arange(n)
        blur = np.exp(-0.5 * (apart / sigma) ** 2)
        weights = weights @ (blur / blur.sum(1, keepdims=True))
    return weights.astype(np.float32)


def resample(volume: Volume, grid: Grid) -> Volume:
    """Return ``volume`` on ``grid`` as float32."""
    z, y, x = matrices(Grid.of(volume), grid)
    planes = np.stack([y @ plane.astype(np.float32) @ x.T for plane in volume.array])
    array = np.tensordot(z, planes, 1)
    return Volume(array, grid.spacing_mm, grid.origin_mm)


def resample_ct(ct: Volume, grid: Grid) -> Volume:
    """Return HU on ``grid`` as float32; OUTSIDE_HU stays what it is, and mixes with nothing.

    A voxel with more than LARGEST_PADDING of it is OUTSIDE_HU as a whole.
    """
    outside = ct.array == OUTSIDE_HU
    hu = resample(ct.with_array(np.maximum(ct.array, AIR_HU)), grid)
    share = resample(ct.with_array(outside), grid).array
    return hu.with_array(np.where(share > LARGEST_PADDING, np.float32(OUTSIDE_HU), hu.array))


def nearest(volume: Volume, grid: Grid) -> Volume:
    """Return the voxels of ``volume`` nearest to those of ``grid``; 0 outside it. For labels."""
    axes, known = [], []
    for axis, (n, mm, origin) in enumerate(zip(*grid, strict=True)):
        position = (origin + mm * np.arange(n) - volume.origin_mm[axis]) / volume.spacing_mm[axis]
        index = np.rint(position).astype(int)
        axes.append(index.clip(0, volume.array.shape[axis] - 1))
        known.append(index == axes[-1])
    inside = known[0][:, None, None] & known[1][:, None] & known[2]
    return Volume(volume.array[np.ix_(*axes)] * inside, grid.spacing_mm, grid.origin_mm)


def covering(
    labels: np.ndarray, axes_mm: np.ndarray, origin_mm: np.ndarray, grid: Grid
) -> np.ndarray:
    """Return on ``grid`` for each voxel the label that covers most of it; 0 is outside ``labels``.

    ``labels`` are uint8 on any regular grid: ``axes_mm`` [3, 3] holds in row i the way (z, y, x)
    from one voxel to the next on axis i, ``origin_mm`` [3] the centre of voxel [0, 0, 0]. Shares
    are areas, or counts of points where the grid is oblique. The background takes a voxel only if
    it covers more than half: else gaps would open where several structures meet. On the same
    grid, turned or not, every label comes through unchanged.
    """
    labels, axes_mm, origin_mm = turned(labels, axes_mm, origin_mm)
    source = Grid(labels.shape, tuple(np.diag(axes_mm).tolist()), tuple(origin_mm.tolist()))
    aligned = _is_aligned(axes_mm, labels.shape)
    if aligned and _is_same(source, grid):
        return labels.copy()
    found = np.zeros(grid.shape, np.uint8)
    for first in range(0, grid.shape[0], SLAB):
        slab = grid.rows(first, min(first + SLAB, grid.shape[0]))
        if aligned:
            rows = _rows_under(slab, source)
            if rows[0] == rows[1]:
                continue
            part, place = labels[slice(*rows)], source.rows(*rows)
        else:
            place = slab.split(_points(slab, axes_mm))
            part = _looked_up(labels, axes_mm, origin_mm, place)
        _claim(found[first : first + SLAB], part, _shares(place, slab))
    return found


def turned(
    array: np.ndarray, axes_mm: np.ndarray, origin_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the voxels and their place with each axis the one nearest to z, y, x, growing."""
    directions = axes_mm / np.linalg.norm(axes_mm, axis=1, keepdims=True)
    _, order = linear_sum_assignment(-np.abs(directions.T))
    array, axes_mm = array.transpose(order), axes_mm[order]
    for axis in np.flatnonzero(np.diag(axes_mm) < 0).tolist():
        origin_mm = origin_mm + axes_mm[axis] * (array.shape[axis] - 1)
        axes_mm = np.where(np.arange(3)[:, None] == axis, -axes_mm, axes_mm)
        array = np.flip(array, axis)
    return np.ascontiguousarray(array), axes_mm, origin_mm


def _is_aligned(axes_mm: np.ndarray, shape: tuple[int, ...]) -> bool:
    steps = np.diag(axes_mm)
    drift = np.abs(axes_mm - np.diag(steps)) * np.reshape(shape, (3, 1)) / steps
    return bool(drift.sum(axis=0).max() < NEGLIGIBLE_VOXELS)


def _is_same(source: Grid, grid: Grid) -> bool:
    return source.shape == grid.shape and all(
        abs(o - p) + n * abs(mm - nn) < NEGLIGIBLE_VOXELS * mm
        for n, mm, o, nn, p in zip(*source, *grid[1:], strict=True)
    )


def _rows_under(slab: Grid, source: Grid) -> tuple[int, int]:
    """Return first and end of the slices of ``source`` that ``slab`` touches."""
    mm = source.spacing_mm[0]
    low = (slab.origin_mm[0] - slab.spacing_mm[0] / 2 - source.origin_mm[0]) / mm + 0.5
    high = low + slab.shape[0] * slab.spacing_mm[0] / mm
    first, end = np.clip([floor(low), ceil(high)], 0, source.shape[0]).tolist()
    return first, end


def _points(grid: Grid, axes_mm: np.ndarray) -> tuple[int, ...]:
    """Return how many points a voxel needs along each axis: one, or two a smaller voxel in it."""
    ratios = np.array(grid.spacing_mm) * np.abs(np.linalg.inv(axes_mm)).max(axis=1)
    return tuple(1 if ratio < 1.01 else ceil(2 * ratio) for ratio in ratios.tolist())


def _looked_up(
    labels: np.ndarray, axes_mm: np.ndarray, origin_mm: np.ndarray, place: Grid
) -> np.ndarray:
    """Return the label at each point of ``place``."""
    to_index = np.linalg.inv(axes_mm).T
    return affine_transform(
        labels,
        to_index * place.spacing_mm,
        to_index @ (np.array(place.origin_mm) - origin_mm),
        place.shape,
        order=0,
        mode="grid-constant",
    )


def _shares(source: Grid, target: Grid) -> list[np.ndarray]:
    """Return for each axis how much of a target voxel a source voxel covers [target, source]."""
    shares = []
    for n, mm, o, m, target_mm, p in zip(*source, *target, strict=True):
        low = o + mm * (np.arange(n) - 0.5)
        target_low = p + target_mm * (np.arange(m)[:, None] - 0.5)
        width = np.minimum(low + mm, target_low + target_mm) - np.maximum(low, target_low)
        shares.append((width.clip(0) / target_mm).astype(np.float32))
    return shares


def _claim(winner: np.ndarray, part: np.ndarray, shares: list[np.ndarray]) -> None:
    """Set ``winner`` [Z, Y, X] to the label of ``part`` with the largest share of each voxel."""
    best, labelled = np.zeros((2, *winner.shape), np.float32)
    for label, box in enumerate(find_objects(part), 1):
        if box is None:
            continue
        over = [share[:, inside] for share, inside in zip(shares, box, strict=True)]
        reach = tuple(_extent(share.max(axis=1, initial=0)) for share in over)
        z, y, x = (share[touched] for share, touched in zip(over, reach, strict=True))
        area = np.tensordot(z, y @ ((part[box] == label).astype(np.float32) @ x.T), 1)
        winner[reach][area > best[reach] + TIE] = label
        best[reach] = np.maximum(best[reach], area)
        labelled[reach] += area
    winner[labelled < 0.5 - TIE] = BACKGROUND


def _extent(values: np.ndarray) -> slice:
    """Return the slice from the first to the last that is not 0."""
    where = np.flatnonzero(values)
    return slice(where[0], where[-1] + 1) if where.size else slice(0, 0)
