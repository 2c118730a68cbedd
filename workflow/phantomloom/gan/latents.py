"""Noise that a generator starts from, each remade from the few numbers that are recorded of it."""

from hashlib import sha256
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

REACH = 4  # standard deviations after which the Gaussian along z is cut off


class Latent(NamedTuple):
    """What noise is made of: the draw of ``seed``, or one between it and the draw of ``toward``.

    truncation scales it: below 1 samples are more alike, and more like the mean. share is 0 at
    ``seed`` and 1 at ``toward``.
    """

    seed: int
    truncation: float = 1.0
    toward: int | None = None
    share: float = 0.0

    def noise(self, size: int) -> Tensor:
        """Return the noise, float32 [size]."""
        noise = drawn(self.seed, size)
        if self.toward is not None:
            noise = between(noise, drawn(self.toward, size), self.share)
        return self.truncation * noise


def drawn(seed: int, size: int) -> Tensor:
    """Return standard normal noise, float32 [size], the same for a seed on every device."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def seed_of(seed: int, mask: str, number: int) -> int:
    """Return the seed of draw ``number`` for a mask; other masks beside it do not change it."""
    digest = sha256(f"{seed}/{number}/{mask}".encode()).digest()
    return int.from_bytes(digest[:6])  # 48 bits, which JSON holds exactly


def between(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Return what lies at ``share`` of the way on the arc from ``one`` to ``other``, [Z] each.

    The straight line would pass nearer to the origin than noise ever is (Shoemake, SIGGRAPH
    1985; White, arXiv 1609.04468). The length goes evenly from one to the other.
    """
    lengths = one.norm(), other.norm()
    cosine = (one / lengths[0]) @ (other / lengths[1])
    angle = cosine.clamp(-1, 1).double().acos()
    if angle.sin() < 1e-4:  # the same or the opposite direction has no arc of its own
        return torch.lerp(one, other, share)
    weights = (((1 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin())
    direction = weights[0] * one / lengths[0] + weights[1] * other / lengths[1]
    return (direction * torch.lerp(*lengths, share)).to(one)


class Column(NamedTuple):
    """What the noise of a stack of slices is made of.

    Each number, but those of the grain, goes smoothly along z: white noise through a Gaussian with
    a standard deviation of ``smooth_slices``, brought back to unit variance. The correlation of
    slices d apart is exp(-(d / smooth_slices)^2 / 4), at the ends as within; with 0 they are
    independent. truncation scales it.
    """

    seed: int
    smooth_slices: float
    truncation: float = 1.0

    def noise(self, size: int, slices: int, grain: int = 0) -> Tensor:
        """Return the noise, float32 [slices, size]; its last ``grain`` numbers are independent.

        They stand for the noise of pixels, which neighbouring slices of a CT hardly share.
        """
        margin = ceil(REACH * self.smooth_slices) + 1  # beyond the ends, so that they are no border
        white = drawn(self.seed, (slices + 2 * margin) * size).reshape(-1, size)
        impulse = np.zeros(2 * margin + 1)
        impulse[margin] = 1
        weights = self._smooth(impulse)
        kept = white[margin : margin + slices].clone()
        smooth = self._smooth(white[:, : size - grain].double().numpy())[margin : margin + slices]
        kept[:, : size - grain] = torch.from_numpy(smooth / np.sqrt((weights**2).sum()))
        return self.truncation * kept

    def _smooth(self, values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(values, max(self.smooth_slices, 1e-3), axis=0, truncate=REACH)
