"""Sliced Wasserstein distance at each scale (Karras et al. 2018, arXiv 1710.10196, section 5).

Patches of 7 x 7 from the levels of a Laplacian pyramid are compared along random directions. As in
the paper each set is normalised by its own mean and deviation in each channel, so a wrong contrast
of a whole level goes unseen. Fewer images give a larger distance: compare only equal numbers.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from phantomloom.gan.metrics.images import Images, batches

PATCH, PER_IMAGE = 7, 128
DIRECTIONS = 128 * 4  # the paper's 128 directions, repeated 4 times and averaged
SMALLEST = 16  # pixels of the coarsest level
AT_ONCE = 16  # directions, and times 8 images: what bounds the memory
UNIT = 1e3  # distances are told times this


def swd(first: Images, second: Images, seed: int = 0) -> dict[int, float]:
    """Return for each size of the pyramid, the largest first, the distance times 1000.

    Images [N, C, H, W], square, 16 pixels doubled some times. Row i of both sets is cut at the
    same places, so equal sets are at a distance of exactly 0.

    Raises:
        ValueError: if the sets are not of one shape, or the images of another size.
    """
    _check(first, second)
    one, other = _descriptors(first, seed), _descriptors(second, seed)
    return {size: UNIT * sliced_distance(one[size], other[size], seed + size) for size in one}


def sliced_distance(first: Tensor, second: Tensor, seed: int) -> float:
    """Return the mean distance of sorted projections of ``first`` and ``second`` [P, D]."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(DIRECTIONS, first.shape[1], generator=generator)
    directions = functional.normalize(directions, dim=1).to(first.device)
    total = 0.0
    for some in directions.split(AT_ONCE):
        # numpy sorts ten times as fast as torch, which keeps the order too
        one, other = (np.sort((some @ patches.T).cpu().numpy()) for patches in (first, second))
        total += float(np.abs(one - other).mean()) * len(some)
    return total / DIRECTIONS


def laplacian_pyramid(images: Tensor) -> Iterator[Tensor]:
    """Yield the differences of neighbouring sizes, then the smallest image (Burt, Adelson 1983)."""
    while images.shape[-1] > SMALLEST:
        smaller = _smooth(images)[..., ::2, ::2]
        spread = torch.zeros_like(images)
        spread[..., ::2, ::2] = smaller
        yield images - 4 * _smooth(spread)  # 3 of 4 pixels are 0
        images = smaller
    yield images


def _smooth(images: Tensor) -> Tensor:
    """Return ``images`` under the binomial 5 x 5 kernel, mirrored at the borders."""
    line = images.new_tensor([1, 4, 6, 4, 1]) / 16
    channels = images.shape[1]
    kernel = (line[:, None] * line).expand(channels, 1, 5, 5)
    return functional.conv2d(
        functional.pad(images, (2,) * 4, mode="reflect"), kernel, groups=channels
    )


def _descriptors(images: Images, seed: int) -> dict[int, Tensor]:
    """Return for each size the normalised patches, [N * PER_IMAGE, C * PATCH * PATCH]."""
    cut: dict[int, list[Tensor]] = {}
    places: dict[int, np.ndarray] = {}
    done = 0
    for batch in batches(images, 8 * AT_ONCE):
        for level in laplacian_pyramid(batch.float()):
            size = level.shape[-1]
            if size not in places:
                generator = np.random.default_rng((seed, size))
                shape = (2, len(images), PER_IMAGE)
                places[size] = generator.integers(size - PATCH + 1, size=shape)
            chosen = torch.from_numpy(places[size][:, done : done + len(batch)])
            cut.setdefault(size, []).append(_patches(level, *chosen.to(level.device)))
        done += len(batch)
    return {size: _normalised(torch.cat(patches)) for size, patches in cut.items()}


def _patches(level: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Return the patches with corners ``top`` and ``left`` [B, P] as [B * P, C, PATCH, PATCH]."""
    along = torch.arange(PATCH, device=level.device)
    image = torch.arange(len(level), device=level.device)[:, None, None, None]
    rows = (top[..., None] + along)[..., None]  # [B, P, PATCH, 1]
    columns = (left[..., None] + along)[:, :, None]  # [B, P, 1, PATCH]
    found = level.permute(0, 2, 3, 1)[image, rows, columns]  # [B, P, PATCH, PATCH, C]
    return found.flatten(0, 1).permute(0, 3, 1, 2)


def _normalised(patches: Tensor) -> Tensor:
    deviation, mean = torch.std_mean(patches, (0, 2, 3), correction=0, keepdim=True)
    return ((patches - mean) / deviation.clamp(min=1e-8)).flatten(1)  # flat images stay finite


def _check(first: Images, second: Images) -> None:
    shapes = [(len(images), *images[:1].shape[1:]) for images in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"both sets have as many images of one shape; these are {shapes[0]} and {shapes[1]}"
        )
    height, width = shapes[0][-2:]
    if len(shapes[0]) != 4 or height != width or height < SMALLEST or height & (height - 1):
        raise ValueError(
            f"images are [N, C, H, W], squares of {SMALLEST}, 32, 64 and so on; these are "
            f"{shapes[0]}"
        )
