"""What can differ between two scans of one anatomy: contrast medium, texture, acquisition.

All ranges are own settings. Functions take HU [Z, Y, X] float32 and structure ids [Z, Y, X].
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, interpolate

from phantomloom.segmentation.windows import AIR_HU
from phantomloom.structures import by_id

OWN_HU = 150.0  # farther than this from its structure's median is gas, stone or metal, and stays
REPAINTED = 0.5  # share of synthesised patches whose soft tissue is nothing but texture
CUT = 0.4  # share of the patches of which a slab is left
THINNEST_MM = 30.0  # hospitals send slabs of 40 mm


def synthesised(
    hu: Tensor, labels: Tensor, median_hu: Tensor, contrast_hu: Tensor, voxel_mm: float, rng
) -> Tensor:
    """Return the anatomy in another person's contrast: vessels and organs follow one bolus.

    ``median_hu`` [256] is the scan's own, ``contrast_hu`` [256] the other person's. Half the time
    soft tissue is painted anew, with texture of 4 to 10 mm.
    """
    index = labels.long()
    own, wanted = median_hu[index], contrast_hu[index]
    if rng.random() < REPAINTED:
        grain = _smooth(hu.shape, rng.uniform(4, 10) / voxel_mm, rng) * rng.uniform(3, 15)
        new = torch.where(_soft()[index], wanted + grain, hu + wanted - own)
    else:
        new = hu + wanted - own
    return torch.where((labels > 0) & ((hu - own).abs() < OWN_HU), new, hu)


@cache
def _soft() -> Tensor:
    """Return which ids are even inside, so that a mean and texture describe them, bool [256]."""
    even = ("organ", "muscle", "fat", "vessel")
    return torch.tensor([i in by_id() and by_id()[i].tissue in even for i in range(256)])


def varied(hu: Tensor, labels: Tensor, rng) -> Tensor:
    """Shift each structure's HU a little, and all of them together."""
    shifts = torch.from_numpy(rng.normal(0, 10, 256)).float()
    shifts[0] = 0
    return hu + shifts[labels.long()] * (hu > -200) + float(rng.normal(0, 6))


def acquired(hu: Tensor, voxel_mm: float, rng) -> Tensor:
    """Thicken slices up to 8 mm, add streaks, and noise with the grain of a reconstruction."""
    if rng.random() < 0.4:
        hu = _thick(hu, rng.uniform(1, 8) / voxel_mm)
    if rng.random() < 0.15:
        hu = hu + _streaks(hu.shape, voxel_mm, rng)
    noise = torch.from_numpy(rng.standard_normal(hu.shape, dtype=np.float32))
    if rng.random() < 0.5:
        noise = 2 * avg_pool3d(noise[None, None], (1, 3, 3), stride=1, padding=(0, 1, 1))[0, 0]
    return hu + noise * float(rng.uniform(0, 20))


def _thick(hu: Tensor, slices: float) -> Tensor:
    """Average over ``slices`` along z, which need not be a whole number."""
    reach = max(0.0, (slices - 1) / 2)  # of the box on either side of the middle slice
    whole = int(np.ceil(reach))
    if whole == 0:
        return hu
    weights = np.clip(reach - np.abs(np.arange(-whole, whole + 1)) + 1, 0, 1)
    parts = [
        weight * hu[(torch.arange(len(hu)) + shift).clamp(0, len(hu) - 1)]
        for shift, weight in zip(range(-whole, whole + 1), weights / weights.sum(), strict=True)
    ]
    return torch.stack(parts).sum(0).float()


def _streaks(shape, voxel_mm: float, rng) -> Tensor:
    """Return rays through a point of the slice, over a part of the slices."""
    z, y, x = shape
    at = torch.from_numpy(rng.uniform(0.2, 0.8, 2)).float()
    rows, columns = torch.arange(y)[:, None] - at[0] * y, torch.arange(x)[None] - at[1] * x
    angle = torch.atan2(rows, columns)
    rays = torch.cos(int(rng.integers(3, 14)) * angle + rng.uniform(0, 6.3))
    rays = rays * torch.exp(-torch.hypot(rows, columns) * voxel_mm / rng.uniform(40, 120))
    along = torch.exp(-(((torch.arange(z) / z - rng.random()) / rng.uniform(0.05, 0.3)) ** 2))
    return float(rng.uniform(20, 150)) * along[:, None, None] * rays


def _smooth(shape, step: float, rng) -> Tensor:
    """Return noise of unit variance, even over about ``step`` voxels."""
    coarse = [max(2, round(n / step) + 1) for n in shape]
    noise = torch.from_numpy(rng.standard_normal((1, 1, *coarse), dtype=np.float32))
    fine = interpolate(noise, size=tuple(shape), mode="trilinear")[0, 0]
    return fine / fine.std()


def cut(hu: Tensor, labels: Tensor, aim: int, voxel_mm: float, rng) -> None:
    """Turn all but a slab of the body into air, in place: scans begin and end anywhere.

    The logarithm of the slab's thickness is uniform from THINNEST_MM to the whole body; plane
    ``aim`` stays if it shows any.
    """
    body = labels.flatten(1).any(1).nonzero()
    if rng.random() > CUT or len(body) == 0:
        return
    start, stop, least = int(body[0]), int(body[-1]) + 1, round(THINNEST_MM / voxel_mm)
    if stop - start > least:
        kept = round(least * ((stop - start) / least) ** rng.random())
        aim = min(max(aim, start), stop - 1)
        first = int(rng.integers(max(start, aim - kept + 1), min(aim, stop - kept) + 1))
        for beyond in (slice(None, first), slice(first + kept, None)):
            hu[beyond], labels[beyond] = AIR_HU, 0
