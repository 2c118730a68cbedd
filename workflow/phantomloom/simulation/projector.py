"""Rays through a map of materials: exact path lengths, and what a spectrum leaves behind.

All rays of one detector column share their track in the axial plane, so that track is walked
once (Siddon, Med Phys 12 (1985) 252; stepping as in Amanatides & Woo 1987) and each row follows
it with its own slope in z. Columns of voxels that are the same material over the whole height
of the cone are merged along the track: air around the body, and most of fat and muscle, cost
next to nothing.
"""

from math import ceil, floor, inf
from typing import NamedTuple

import numba
import numpy as np

from phantomloom.compiled import compiled
from phantomloom.simulation.geometry import (
    Scanner,
    fan_angles,
    fine,
    row_heights,
    view_angles,
)
from phantomloom.volume import Volume

MIXED = 255  # a column of voxels of more than one material
AIR = 0


class Slab(NamedTuple):
    """The voxels that one rotation can touch, seen from the table position."""

    cells: np.ndarray  # uint8 [Y, X, Z], index of the material; 0 is air and takes nothing away
    column: np.ndarray  # uint8 [Y, X]: the material of the whole column of voxels, or MIXED
    box: np.ndarray  # int64 [4]: first and last + 1 column of voxels with matter, (y0, y1, x0, x1)
    voxel_mm: np.ndarray  # float64 [3], (z, y, x)
    corner_mm: np.ndarray  # float64 [3], (z, y, x) of the outer corner from isocentre and table


def slab(phantom: Volume, scanner: Scanner, centre_mm: tuple[float, float, float]) -> Slab:
    """Cut from ``phantom`` what the cone around ``centre_mm`` (z, y, x) can touch.

    Beyond its ends the phantom goes on as its last slice does: a patient does not end where the
    scan does, and air there would shade the slices next to it.
    """
    dz, dy, dx = phantom.spacing_mm
    z, y, x = (
        o - mm / 2 - c
        for o, mm, c in zip(phantom.origin_mm, phantom.spacing_mm, centre_mm, strict=True)
    )
    reach = _reach_mm(phantom, scanner, centre_mm)
    first, last = floor((-reach - z) / dz) - 1, ceil((reach - z) / dz) + 1
    slices = np.clip(np.arange(first, last), 0, len(phantom.array) - 1)
    cells = np.ascontiguousarray(phantom.array[slices].transpose(1, 2, 0))
    column = np.where((cells == cells[..., :1]).all(-1), cells[..., 0], MIXED).astype(np.uint8)
    return Slab(
        cells, column, _box(column), np.array([dz, dy, dx]), np.array([z + first * dz, y, x])
    )


def path_lengths(piece: Slab, scanner: Scanner, materials: int, view_angle: float) -> np.ndarray:
    """Return the length of each ray of a view in each material, mm, [R, C, M]."""
    source, fans, heights = _rays(scanner)
    size = sum(piece.column.shape) + 2
    offsets, times = np.empty(size, np.int64), np.empty(size + 1)
    lengths = np.zeros((scanner.columns, scanner.rows, materials))
    for c, fan in enumerate(fans):
        _column(*piece, source, view_angle, fan, heights, offsets, times, lengths[c])
    return lengths.transpose(1, 0, 2)


def transmit(
    piece: Slab, scanner: Scanner, attenuation: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return what is left of each weighted spectrum behind the slab in every view of a rotation.

    Args:
        piece: the slab.
        scanner: the geometry.
        attenuation: per mm, [M, E]; row 0 is air and not used.
        weights: [2, E], for example the energy a cell absorbs and that energy's variance.

    Returns:
        float32 [2, V, R, C]: the sum over E of weights times transmission, the mean of a cell's
        rays.
    """
    shape = (2, scanner.views_per_rotation, scanner.rows, scanner.columns)
    left = np.zeros(shape, np.float32)
    _transmit(
        *piece,
        *_rays(fine(scanner)),
        view_angles(scanner),
        np.ascontiguousarray(attenuation, np.float32),
        np.ascontiguousarray(weights / np.prod(scanner.rays_per_cell), np.float32),
        left,
    )
    return left


def _rays(scanner: Scanner) -> tuple[float, np.ndarray, np.ndarray]:
    return scanner.source_to_isocentre_mm, fan_angles(scanner), row_heights(scanner)


def _reach_mm(phantom: Volume, scanner: Scanner, centre_mm: tuple[float, float, float]) -> float:
    """Return how far above or below the tube a ray is where it leaves the grid at the latest."""
    corners = [
        max(abs(o - mm / 2 - c), abs(o + (n - 0.5) * mm - c))
        for o, mm, n, c in zip(
            phantom.origin_mm, phantom.spacing_mm, phantom.array.shape, centre_mm, strict=True
        )
    ]
    source = scanner.source_to_isocentre_mm
    return scanner.collimation_mm / 2 * (1 + np.hypot(*corners[1:]) / source)


def _box(column: np.ndarray) -> np.ndarray:
    y, x = np.nonzero(column != AIR)
    return np.array([y.min(), y.max() + 1, x.min(), x.max() + 1] if len(y) else [0, 0, 0, 0])


@compiled(fastmath=True)
def _track(column, box, dy, dx, height, sy, sx, uy, ux, offsets, times):
    """Walk the ray from (sy, sx) along (uy, ux) through the box; return how many pieces it has.

    ``offsets`` gets the index of each piece's first cell, ``times`` where each begins and, after
    the last, where that ends: mm in the plane from the source.
    """
    y0, y1, x0, x1 = box
    enter, leave = 0.0, inf
    for position, direction, low, high in (
        (sy, uy, y0 * dy, y1 * dy),
        (sx, ux, x0 * dx, x1 * dx),
    ):
        if abs(direction) < 1e-12:
            if position <= low or position >= high:
                return 0
        else:
            a, b = (low - position) / direction, (high - position) / direction
            enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
    if enter >= leave:
        return 0
    iy = min(max(floor((sy + enter * uy) / dy), y0), y1 - 1)
    ix = min(max(floor((sx + enter * ux) / dx), x0), x1 - 1)
    step_y, step_x = (1 if uy > 0 else -1), (1 if ux > 0 else -1)
    next_y = ((iy + (uy > 0)) * dy - sy) / uy if abs(uy) > 1e-12 else inf
    next_x = ((ix + (ux > 0)) * dx - sx) / ux if abs(ux) > 1e-12 else inf
    per_y = dy / abs(uy) if abs(uy) > 1e-12 else inf
    per_x = dx / abs(ux) if abs(ux) > 1e-12 else inf
    pieces, previous, now, full = 0, -1, enter, 0
    while now < leave and y0 <= iy < y1 and x0 <= ix < x1:
        matter = column[iy, ix]
        if matter != previous or matter == MIXED:
            if not (pieces == 0 and matter == AIR):
                offsets[pieces] = (iy * column.shape[1] + ix) * height
                times[pieces] = now
                pieces += 1
            previous = matter
        if next_y < next_x:
            now, next_y, iy = next_y, next_y + per_y, iy + step_y
        else:
            now, next_x, ix = next_x, next_x + per_x, ix + step_x
        if matter != AIR:
            full = pieces
            times[pieces] = min(now, leave)
    return full


@compiled(fastmath=True)
def _follow(flat, offsets, times, pieces, z, slope, lengths):
    """Add to ``lengths`` the mm in each material along a track, for one row.

    ``z`` and ``slope`` are in voxels: height at time 0 and its change per mm in the plane.
    """
    start = times[0]
    height = z + slope * start
    iz = floor(height)
    step = 1 if slope > 0 else -1
    per_z = 1 / abs(slope) if abs(slope) > 1e-12 else inf
    next_z = start + ((iz + (slope > 0)) - height) / slope if abs(slope) > 1e-12 else inf
    matter = flat[offsets[0] + iz]
    for piece in range(pieces):
        offset, end = offsets[piece], times[piece + 1]
        here = flat[offset + iz]
        if here != matter:
            lengths[matter] += times[piece] - start
            start, matter = times[piece], here
        while next_z < end:
            iz += step
            here = flat[offset + iz]
            if here != matter:
                lengths[matter] += next_z - start
                start, matter = next_z, here
            next_z += per_z
    lengths[matter] += times[pieces] - start


@compiled(fastmath=True)
def _column(cells, column, box, voxel, corner, source, view, fan, heights, offsets, times, lengths):
    """Fill ``lengths`` [R, M] with the mm in each material of one column's rays.

    Return whether they meet any matter; ``offsets`` and ``times`` are room to work in.
    """
    sy, sx = -source * np.cos(view) - corner[1], source * np.sin(view) - corner[2]
    uy, ux = np.cos(view + fan), -np.sin(view + fan)
    height = cells.shape[2]
    pieces = _track(column, box, voxel[1], voxel[2], height, sy, sx, uy, ux, offsets, times)
    if pieces == 0:
        return False
    flat, z = cells.ravel(), -corner[0] / voxel[0]
    lengths[:] = 0
    for r in range(len(heights)):
        rise = heights[r] / source
        _follow(flat, offsets, times, pieces, z, rise / voxel[0], lengths[r])
        lengths[r] *= np.sqrt(1 + rise * rise)
    return True


@compiled(fastmath=True, inline="always")
def _decay(x):
    """Return exp(-x) to 1e-5 for x from 0 to 30, in arithmetic that vectorises.

    The series for exp(-x / 128), squared seven times; beyond 80 nothing is left anyhow.
    """
    u = min(x, np.float32(80)) * np.float32(1 / 128)
    s = np.float32(1) - u * np.float32(1 / 5)
    s = np.float32(1) - u * np.float32(1 / 4) * s
    s = np.float32(1) - u * np.float32(1 / 3) * s
    s = np.float32(1) - u * np.float32(1 / 2) * s
    s = np.float32(1) - u * s
    s *= s
    s *= s
    s *= s
    s *= s
    s *= s
    s *= s
    return s * s


@compiled(fastmath=True)
def _behind(lengths, mu, weights, depth):
    """Return both weighted sums over E of the transmission through ``lengths`` [M]."""
    depth[:] = 0
    for m in range(1, len(lengths)):
        if lengths[m] > 0:
            length = np.float32(lengths[m])
            for e in range(len(depth)):
                depth[e] += mu[m, e] * length
    first, second = np.float32(0), np.float32(0)
    for e in range(len(depth)):
        through = _decay(depth[e])
        first += weights[0, e] * through
        second += weights[1, e] * through
    return first, second


@compiled(parallel=True, fastmath=True)
def _transmit(cells, column, box, voxel, corner, source, fans, heights, views, mu, weights, left):
    """Add to ``left`` [2, V, R, C] what each ray leaves; there may be several rays to a cell."""
    rows, columns = len(heights) // left.shape[2], len(fans) // left.shape[3]
    for v in numba.prange(len(views)):
        offsets = np.empty(column.shape[0] + column.shape[1] + 2, np.int64)
        times = np.empty(len(offsets) + 1)
        lengths = np.zeros((len(heights), len(mu)))
        depth = np.empty(mu.shape[1], np.float32)
        open_beam = _behind(lengths[0], mu, weights, depth)
        for c in range(len(fans)):
            matter = _column(
                cells, column, box, voxel, corner,
                source, views[v], fans[c], heights, offsets, times, lengths,
            )  # fmt: skip
            for r in range(len(heights)):
                sums = _behind(lengths[r], mu, weights, depth) if matter else open_beam
                left[0, v, r // rows, c // columns] += sums[0]
                left[1, v, r // rows, c // columns] += sums[1]
