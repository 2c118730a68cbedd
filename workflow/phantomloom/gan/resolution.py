"""Images and masks at the size that a growing network works at."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate


def halved(images: Tensor) -> Tensor:
    """Return images [B, C, R, R] at half the size, by the mean of 2 x 2 pixels."""
    return avg_pool2d(images, 2)


def doubled(images: Tensor) -> Tensor:
    """Return images [B, C, R, R] at twice the size, by repeating pixels."""
    return interpolate(images, scale_factor=2, mode="nearest")


def shrunk(images: Tensor, size: int) -> Tensor:
    """Return images or masks [B, C, R, R] at ``size``, by the mean over the area of a pixel.

    Of one-hot masks that is the fraction of each pixel that a class fills.
    """
    factor = images.shape[-1] // size
    return images if factor == 1 else avg_pool2d(images, factor)


def mixed(rendered: Sequence[Tensor], alpha: float) -> Tensor:
    """Return the last of ``rendered`` images with share ``alpha``, above the one of half the size.

    Where one alone is given, it is all.
    """
    *before, image = rendered
    # autocast repeats pixels in float32 and convolves in bfloat16
    return torch.lerp(doubled(before[0]).to(image), image, alpha) if before else image


def faded(images: Tensor, alpha: float) -> Tensor:
    """Return images [B, C, R, R] as sharp as a network is whose last block has share ``alpha``.

    Karras et al. 2018 (arXiv 1710.10196), appendix A: real images are mixed as generated ones.
    """
    return images if alpha == 1 else mixed([halved(images), images], alpha)
