"""Differentiable augmentation of what a critic sees, image and mask together.

Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training", arXiv 2006.10738:
real and generated images are changed alike, and gradients pass. Pairs of a real and a generated
image have one mask, so they are changed by the same draw.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Change = Callable[[Tensor], Tensor]
LOWEST = -1.0  # what comes in from outside the picture: black, or air


def augmented(
    images: Sequence[Tensor],
    masks: Tensor,
    kinds: Sequence[str],
    strength: float,
    draw: torch.Generator,
) -> tuple[list[Tensor], Tensor]:
    """Return each of ``images`` [B, C, r, r] and ``masks`` [B, K, R, R] after the same changes.

    ``kinds`` are some of colour, translation, cutout; ``strength`` 1 is the paper's, 0 none. Row i
    of all images and of the masks has its own draw.

    Raises:
        ValueError: for an unknown kind.
    """
    changed = list(images)
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"gan: augmentation is some of {', '.join(KINDS)}, not {kind!r}")
        rows, _, size, _ = images[0].shape
        change, move = KINDS[kind](rows, size, masks.shape[-1] // size, strength, draw)
        changed, masks = [change(image) for image in changed], move(masks)
    return changed, masks


def _colour(rows: int, size: int, scale: int, strength: float, draw) -> tuple[Change, Change]:
    """Add up to a half, then stretch about the mean by up to a half."""
    light, contrast = strength * (torch.rand(2, rows, 1, 1, 1, generator=draw) - 0.5)

    def change(images: Tensor) -> Tensor:
        lit = images + light.to(images)
        mean = lit.mean((1, 2, 3), keepdim=True)
        return mean + (lit - mean) * (1 + contrast.to(images))

    return change, _same


def _translation(rows: int, size: int, scale: int, strength: float, draw) -> tuple[Change, Change]:
    """Move by up to an eighth of the picture, in whole pixels."""
    most = round(strength * size / 8)
    shifts = torch.randint(-most, most + 1, (2, rows), generator=draw)

    def move(masks: Tensor) -> Tensor:
        return moved(masks, shifts * scale, 0.0)

    return lambda images: moved(images, shifts, LOWEST), move


def _cutout(rows: int, size: int, scale: int, strength: float, draw) -> tuple[Change, Change]:
    """Set a square of half the side to the middle of the range; its centre is anywhere."""
    half = strength * size / 4
    centres = torch.randint(0, size + 1, (2, rows, 1), generator=draw)
    offset = torch.arange(size) + 0.5 - centres  # [2, B, r], from edges between pixels
    near_y, near_x = offset.abs() < half
    kept = ~(near_y[:, None, :, None] & near_x[:, None, None, :])
    return lambda images: images * kept.to(images), _same


def _same(masks: Tensor) -> Tensor:
    return masks


def moved(images: Tensor, shifts: Tensor, outside: float) -> Tensor:
    """Return images [B, C, H, W] moved by pixels [2, B], down and right; ``outside`` comes in."""
    rows, channels, height, width = images.shape
    y = torch.arange(height) - shifts[0, :, None]  # [B, H]: the row that comes to each place
    x = torch.arange(width) - shifts[1, :, None]
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    source = y.clamp(0, height - 1)[:, :, None] * width + x.clamp(0, width - 1)[:, None, :]
    source = source.to(images.device).flatten(1)[:, None].expand(rows, channels, -1)
    taken = images.flatten(2).gather(2, source).unflatten(2, (height, width))
    return torch.where(inside[:, None].to(images.device), taken, outside)


KINDS = {"colour": _colour, "translation": _translation, "cutout": _cutout}
