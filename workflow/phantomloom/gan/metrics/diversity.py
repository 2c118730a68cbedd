"""How much images vary that were made from one mask.

All draws are blurred first, so that a generator which adds noise to one image has little: white
noise of 1 % of the range still adds about 0.02 in flat regions.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from monai.metrics.regression import compute_ssim_and_cs
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

from phantomloom.gan.metrics.estimate import Estimate, over_groups

BLUR_PX = 1.0
WINDOW, WINDOW_PX = 11, 1.5  # of SSIM: size and sigma (Wang 2004)
SMALLEST_MULTI_SCALE = 161  # pixels: the window must fit into the image halved four times
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of the five scales (Wang 2003)
RANGE = 2.0  # from -1 to 1


class Diversity(NamedTuple):
    """Of draws from one mask: unlikeness, 0 if they are equal, and deviation of their pixels."""

    unlikeness: Estimate  # mean over pairs of draws of 1 - SSIM
    deviation: Estimate  # standard deviation over the draws, mean over pixels; images span 2


def diversity(draws: Tensor, groups: Sequence[str], inside: np.ndarray | None = None) -> Diversity:
    """Return the diversity of ``draws`` [M, S, C, H, W], S of each of M masks, in -1 to 1.

    SSIM up to 160 pixels, multi-scale SSIM above. ``inside`` [M, H, W] limits both to where it is
    true, such as the body. Errors are over ``groups`` [M], whose masks they are.

    Raises:
        ValueError: if there are fewer than two draws of a mask.
    """
    if draws.ndim != 5 or draws.shape[1] < 2:
        raise ValueError(f"two draws or more of each mask, [M, S, C, H, W]; got {draws.shape}")
    masks, _, _, height, width = draws.shape
    where = torch.ones(masks, height, width) if inside is None else torch.from_numpy(inside).float()
    blurred = [torch.from_numpy(_blurred(of_mask.cpu().numpy())) for of_mask in draws]
    each = [(_unlikeness(b, w), _deviation(b, w)) for b, w in zip(blurred, where, strict=True)]
    unlikeness, deviation = np.array(each).T
    return Diversity(over_groups(unlikeness, groups), over_groups(deviation, groups))


def similarity(first: Tensor, second: Tensor, where: Tensor) -> Tensor:
    """Return SSIM or, for large images, multi-scale SSIM [B] of images [B, C, H, W] in -1 to 1.

    ``where`` [H, W] weighs the pixels. NaN if it has no pixel that a window fits around.
    """
    first, second = first + 1, second + 1  # SSIM divides by means: black must be 0
    where = where[None, None]
    scales = SCALES if min(first.shape[-2:]) >= SMALLEST_MULTI_SCALE else (1.0,)
    total = torch.ones(len(first))
    for scale, weight in enumerate(scales):
        if scale:
            first, second, where = (functional.avg_pool2d(x, 2) for x in (first, second, where))
        whole, contrast = compute_ssim_and_cs(
            first, second, 2, (WINDOW, WINDOW), (WINDOW_PX, WINDOW_PX), RANGE
        )
        value = _mean(whole if scale == len(scales) - 1 else contrast, where)
        total = total * (value.relu() ** weight if len(scales) > 1 else value)
    return total


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Return the mean [B] of ``values``, which lack the border of half a window, by ``where``."""
    border = WINDOW // 2
    weights = where[..., border:-border, border:-border]
    return (values.mean(1, keepdim=True) * weights).sum((1, 2, 3)) / weights.sum()


def _blurred(images: np.ndarray) -> np.ndarray:
    return gaussian_filter(images.astype(np.float32), BLUR_PX, axes=(-2, -1))


def _unlikeness(draws: Tensor, where: Tensor) -> float:
    pairs = torch.tensor(list(combinations(range(len(draws)), 2)))
    return float(1 - similarity(draws[pairs[:, 0]], draws[pairs[:, 1]], where).mean())


def _deviation(draws: Tensor, where: Tensor) -> float:
    return float((draws.std(0).mean(0) * where).sum() / where.sum())
