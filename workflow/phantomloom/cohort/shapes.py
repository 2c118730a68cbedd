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
        """Return the gauge at the points."""
        offset = [axis - c for axis, c in zip((z, y, x), self.centre, strict=True)]
        unit = [sum(m * o for m, o in zip(row, offset, strict=True)) for row in self.to_unit]
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
        """Return the gauge at the points."""
        along = self.end - self.start
        offset = [axis - c for axis, c in zip((z, y, x), self.start, strict=True)]
        length2 = max(float(along @ along), 1e-6)
        share = sum(a / length2 * o for a, o in zip(along, offset, strict=True))
        share = np.clip(share, 0, 1)
        apart = [o - share * a for a, o in zip(along, offset, strict=True)]
        distance2 = sum(d * d for d in apart)
        if self.squeeze != 1:
            across = sum(n * d for n, d in zip(self.normal, apart, strict=True))
            distance2 += (self.squeeze**2 - 1) * across * across
        return np.sqrt(distance2) / (self.radii[0] + share * (self.radii[1] - self.radii[0]))


Part = Ellipsoid | Capsule


def union(parts: Sequence[Part], grid: Volume, reach: float) -> tuple[Box, np.ndarray]:
    """Return the least gauge of ``parts`` in their common box, float32; beyond reach infinite."""
    boxes = [box_of(grid, *part.bounds(reach)) for part in parts]
    box = _hull(boxes)
    field = np.full([side.stop - side.start for side in box], np.inf, np.float32)
    for part, inner in zip(parts, boxes, strict=True):
        local = tuple(
            slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, box, strict=True)
        )
        if field[local].size:
            np.minimum(field[local], part.gauge(*coordinates(grid, inner)), out=field[local])
    return box, field


def box_of(grid: Volume, low: np.ndarray, high: np.ndarray) -> Box:
    """Return the slices of the voxels whose centres lie between two corners, perhaps none."""
    start = np.ceil((low - grid.origin_mm) / grid.spacing_mm).astype(int)
    stop = np.floor((high - grid.origin_mm) / grid.spacing_mm).astype(int) + 1
    start = np.clip(start, 0, grid.array.shape)
    z, y, x = (
        slice(int(a), int(max(a, b))) for a, b in zip(start, _within(stop, grid), strict=True)
    )
    return z, y, x


def coordinates(grid: Volume, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the voxel centres z [Z, 1, 1], y [1, Y, 1], x [1, 1, X] of ``box`` in mm."""
    axes = [
        (origin + step * np.arange(side.start, side.stop)).astype(np.float32)
        for origin, step, side in zip(grid.origin_mm, grid.spacing_mm, box, strict=True)
    ]
    return axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]


def _within(stop: np.ndarray, grid: Volume) -> np.ndarray:
    return np.clip(stop, 0, grid.array.shape)


def _hull(boxes: list[Box]) -> Box:
    filled = [box for box in boxes if all(side.stop > side.start for side in box)]
    if not filled:
        return slice(0, 0), slice(0, 0), slice(0, 0)
    z, y, x = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*filled, strict=True)
    )
    return z, y, x
