"""Linear resampling between axis-aligned grids, one small matrix an axis."""

from math import ceil
from typing import NamedTuple

import numpy as np

from phantomloom.volume import Triple, Volume

FWHM_PER_SIGMA = 2.3548  # of a Gaussian


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
