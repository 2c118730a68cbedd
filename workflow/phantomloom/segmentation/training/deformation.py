"""How a patch lies in a scan: turned, scaled, warped; and its HU and labels there."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

KNOT_MM = 64.0  # distance of the warp's knots: 15 mm there never fold it


class Deformation(NamedTuple):
    """How strongly a patch is changed."""

    largest_scale: float
    warp_mm: float  # largest shift of a knot along an axis


def coordinates(
    centre: np.ndarray, shape: tuple[int, int, int], voxel_mm: float, how: Deformation, rng
) -> Tensor:
    """Return source voxel coordinates [Z, Y, X, 3] of a patch about ``centre``."""
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in shape]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    grid = grid @ torch.from_numpy(_affine(how.largest_scale, rng)).float().T
    knots = [max(2, round(n * voxel_mm / KNOT_MM) + 1) for n in shape]
    shifts = rng.uniform(0, how.warp_mm / voxel_mm) * rng.uniform(-1, 1, (1, 3, *knots))
    warp = interpolate(
        torch.from_numpy(shifts).float(), size=shape, mode="trilinear", align_corners=True
    )
    return grid + warp[0].permute(1, 2, 3, 0) + torch.from_numpy(centre).float()


def _affine(largest_scale: float, rng) -> np.ndarray:
    """Return a matrix (z, y, x): turns about the body axis up to 12 degrees, tilts up to 8."""
    angles = np.radians(rng.uniform(-1, 1, 3) * (12, 8, 8))
    room = np.log(largest_scale)
    matrix = np.diag(np.exp(rng.uniform(-room, room) + rng.uniform(-0.07, 0.07, 3)))
    for angle, (i, j) in zip(angles, ((1, 2), (0, 2), (0, 1)), strict=True):
        turn = np.eye(3)
        turn[[i, j], [i, j]] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def sampled(hu: Tensor, labels: Tensor, grid: Tensor, outside_hu: float) -> tuple[Tensor, Tensor]:
    """Return HU (linear) and ids (nearest) at ``grid``; ``outside_hu`` and 0 outside the scan."""
    flat = grid.flatten(0, 2)
    low = flat.amin(0).floor().long().clamp(min=0).tolist()
    high = (flat.amax(0).ceil().long() + 1).tolist()
    box = tuple(
        slice(min(a, n - 1), max(a + 1, min(b, n)))
        for a, b, n in zip(low, high, hu.shape, strict=True)
    )
    hu, labels = hu[box].float(), labels[box]
    local = grid - torch.tensor([float(part.start) for part in box])
    size = torch.tensor(hu.shape, dtype=torch.float32)
    unit = (2 * (local + 0.5) / size - 1).flip(-1)[None]  # grid_sample wants (x, y, z) in [-1, 1]
    image = grid_sample(hu[None, None] - outside_hu, unit, mode="bilinear", align_corners=False)
    index = local.round().long()
    inside = ((index >= 0) & (index < torch.tensor(hu.shape))).all(-1)
    z, y, x = (index[..., axis].clamp(0, n - 1) for axis, n in enumerate(hu.shape))
    return image[0, 0] + outside_hu, labels[z, y, x] * inside
