"""Shapes as gauges: 1 on the surface, less inside, more outside; evaluated near them only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.volume import Volume

Box = tuple[slice, slice, slice]


class Ellipsoid(NamedTuple):
    """A superellipsoid in mm, (z, y, x); power 2 is the ellipsoid, larger ones are boxier."""

    centre: np.ndarray  # [3]
    to_unit: np.ndarray  # [3, 3], takes offsets from the centre to the unit ball
    half_box: np.ndarray  # [3], half the bounding box at gauge 1
    power: float

    def bounds(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of what lies within gauge ``reach``."""
        return self.centre - reach * self.half_box, self.centre + reach * self.half_box

    def gauge(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the gauge at the points, in their precision."""
        offset = [axis - c for axis, c in zip((z, y, x), self.centre.tolist(), strict=True)]
        rows = self.to_unit.tolist()
        unit = [sum(m * o for m, o in zip(row, offset, strict=True)) for row in rows]
        if self.power == 2:
            return np.sqrt(sum(u * u for u in unit))
        return sum(abs(u) ** self.power for u in unit) ** (1 / self.power)


class Capsule(NamedTuple):
    """A piece of a tube between two points, in mm; ``squeeze`` times thinner along ``normal``."""

    start: np.ndarray  # [3]
    end: np.ndarray
    radii: tuple[float, float]  # at start and end
    normal: np.ndarray  # [3], of length 1
    squeeze: float  # 1 for a round tube

    def bounds(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of what lies within gauge ``reach``."""
        radius = reach * max(self.radii)
        return np.minimum(self.start, self.end) - radius, np.maximum(self.start, self.end) + radius

    def gauge(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the gauge at the points, in their precision."""
        along = (self.end - self.start).tolist()
        offset = [axis - c for axis, c in zip((z, y, x), self.start.tolist(), strict=True)]
        length2 = max(sum(a * a for a in along), 1e-6)
        share = sum(a / length2 * o for a, o in zip(along, offset, strict=True))
        share = np.clip(share, 0, 1)
        apart = [o - share * a for a, o in zip(along, offset, strict=True)]
        distance2 = sum(d * d for d in apart)
        if self.squeeze != 1:
            across = sum(n * d for n, d in zip(self.normal.tolist(), apart, strict=True))
            distance2 += (self.squeeze**2 - 1) * across * across
        return np.sqrt(distance2) / (self.radii[0] + share * (self.radii[1] - self.radii[0]))


Part = Ellipsoid | Capsule


def union(parts: Sequence[Part], grid: Volume, reach: float) -> tuple[Box, np.ndarray]:
    """Return the least gauge of ``parts`` in their common box, float32; beyond reach infinite."""
    bounds = np.array([part.bounds(reach) for part in parts]).reshape(-1, 2, 3)
    starts, stops = _spans(grid, bounds[:, 0], bounds[:, 1])
    on_grid = np.flatnonzero((stops > starts).all(1))
    if not len(on_grid):
        return _box([0, 0, 0], [0, 0, 0]), np.zeros((0, 0, 0), np.float32)
    first, last = starts[on_grid].min(0), stops[on_grid].max(0)
    field = np.full(last - first, np.inf, np.float32)
    for n in on_grid.tolist():
        near = field[_box(starts[n] - first, stops[n] - first)]
        points = coordinates(grid, _box(starts[n], stops[n]))
        np.minimum(near, parts[n].gauge(*points), out=near)
    return _box(first, last), field


def box_of(grid: Volume, low: np.ndarray, high: np.ndarray) -> Box:
    """Return the slices of the voxels whose centres lie between two corners, perhaps none."""
    return _box(*_spans(grid, low, high))


def coordinates(grid: Volume, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the voxel centres z [Z, 1, 1], y [1, Y, 1], x [1, 1, X] of ``box`` in mm."""
    axes = [
        (origin + step * np.arange(side.start, side.stop)).astype(np.float32)
        for origin, step, side in zip(grid.origin_mm, grid.spacing_mm, box, strict=True)
    ]
    return axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]


def _spans(grid: Volume, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first voxels between corners [..., 3] in mm, and those behind the last."""
    start = np.ceil((low - grid.origin_mm) / grid.spacing_mm).astype(int)
    stop = np.floor((high - grid.origin_mm) / grid.spacing_mm).astype(int) + 1
    start, stop = (np.clip(end, 0, grid.array.shape) for end in (start, stop))
    return start, np.maximum(start, stop)


def _box(start: Sequence[int] | np.ndarray, stop: Sequence[int] | np.ndarray) -> Box:
    z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return z, y, x
