"""Images drawn from masks: several a mask, on the way between two, or along a phantom."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from phantomloom.gan.latents import Column, Latent, seed_of
from phantomloom.gan.pairs import Pairs, one_hot, unscaled
from phantomloom.gan.trained import Trained
from phantomloom.volume import Volume

MOST_AT_ONCE = 64  # more do not make it faster


class Generator(Protocol):
    """A trained generator."""

    @property
    def noise_size(self) -> int:
        """How many numbers the noise of an image has."""

    @property
    def grain_size(self) -> int:
        """How many of them, the last, stand for the noise of pixels."""

    def sample(self, masks: Tensor, noise: Tensor) -> Tensor:
        """Return images [B, C, R, R] in about -1 to 1 for masks [B, K, R, R], noise [B, Z]."""


class Sampler(NamedTuple):
    """A generator of ``classes``, where it is, and how many images fit there at once."""

    generator: Generator
    classes: int
    at_once: int
    device: str = "cpu"

    @classmethod
    def of(cls, generator: Trained, device: str = "cpu") -> Self:
        """Return a sampler of as many images at once as the generator was trained on, or fewer."""
        together = min(MOST_AT_ONCE, generator.settings.at_once)
        return cls(generator, generator.shape.classes, together, device)

    def images(self, masks: np.ndarray, noise: Tensor) -> Iterator[Tensor]:
        """Yield images [C, R, R] on the CPU for class numbers [N, R, R] and noise [N, Z]."""
        for first in range(0, len(masks), self.at_once):
            chosen = slice(first, first + self.at_once)
            inputs = one_hot(masks[chosen], self.classes), noise[chosen]
            with torch.no_grad():
                images = self.generator.sample(*(given.to(self.device) for given in inputs))
            yield from images.float().cpu()


class Sample(NamedTuple):
    """An image [C, R, R] in about -1 to 1, the name of its mask, and what it was drawn from."""

    mask: str
    latent: Latent
    image: Tensor


Wish = tuple[int, Latent]  # the place of a mask, and what to draw for it


def sampled(
    sampler: Sampler, masks: np.ndarray, names: Sequence[str], wishes: Sequence[Wish]
) -> Iterator[Sample]:
    """Yield a sample a wish, in their order; masks are class numbers [N, R, R], uint8."""
    for first in range(0, len(wishes), sampler.at_once):
        rows, latents = zip(*wishes[first : first + sampler.at_once], strict=True)
        noise = torch.stack([latent.noise(sampler.generator.noise_size) for latent in latents])
        images = sampler.images(masks[list(rows)], noise)
        yield from map(Sample, (names[row] for row in rows), latents, images)


def remade(sampler: Sampler, pairs: Pairs, seed: int, folder: Path) -> Pairs:
    """Return ``pairs`` with an image drawn for each mask in place of its own, rounded as they are.

    The images are memory-mapped from a file without a name in ``folder``, which needs room for
    them; it is gone when nothing refers to them any more.
    """
    return pairs._replace(images=_mapped(_drawn_anew(sampler, pairs, seed), pairs.images, folder))


def beside(pairs: Pairs, sampler: Sampler, seed: int, folder: Path) -> Pairs:
    """Return ``pairs``, and after them one image drawn for each mask, as ``remade`` draws it.

    Images and masks are memory-mapped as there; ``folder`` needs room for both twice.
    """
    images = chain(pairs.images, _drawn_anew(sampler, pairs, seed))
    return pairs._replace(
        images=_mapped(images, pairs.images, folder),
        masks=_mapped(chain(pairs.masks, pairs.masks), pairs.masks, folder),
        names=(*pairs.names, *(f"{name}, generated" for name in pairs.names)),
        groups=pairs.groups * 2,
        parts=pairs.parts * 2,
    )


def _drawn_anew(sampler: Sampler, pairs: Pairs, seed: int) -> Iterator[np.ndarray]:
    kind, wishes = pairs.images.dtype.type, draws(pairs.names, 1, seed)
    for sample in sampled(sampler, pairs.masks, pairs.names, wishes):
        yield unscaled(sample.image, pairs.low, pairs.high, kind)


def _mapped(rows: Iterable[np.ndarray], like: np.ndarray, folder: Path) -> np.ndarray:
    """Return ``rows`` as one array, each as those of ``like``, from a file that has no name."""
    with TemporaryFile(dir=folder) as file:
        for row in rows:
            file.write(np.ascontiguousarray(row, like.dtype).tobytes())
        file.flush()  # written, not mapped: a full disk is an error then, and kills nothing
        return np.memmap(file, like.dtype, "r").reshape(-1, *like.shape[1:])


def draws(names: Sequence[str], per_mask: int, seed: int, truncation: float = 1.0) -> list[Wish]:
    """Return wishes for ``per_mask`` samples of each mask, each with a seed of its own."""
    return [
        (row, Latent(seed_of(seed, name, number), truncation))
        for row, name in enumerate(names)
        for number in range(per_mask)
    ]


def everywhere(masks: int, latents: Sequence[Latent]) -> list[Wish]:
    """Return wishes for the same latents with each of so many masks.

    With a mask and its edited versions they show what the edit alone changes.
    """
    return [(row, latent) for row in range(masks) for latent in latents]


def way(seed: int, toward: int, steps: int, truncation: float = 1.0) -> tuple[Latent, ...]:
    """Return latents from the draw of one seed to that of another, both ends among them."""
    shares = np.linspace(0, 1, steps).tolist()
    return tuple(Latent(seed, truncation, toward, share) for share in shares)


def volume(sampler: Sampler, masks: Volume, low: float, high: float, column: Column) -> Volume:
    """Return CT slices in HU (int16) on the grid of ``masks``.

    Args:
        sampler: of images with one channel.
        masks: class numbers (uint8) of a phantom, as ``data.ct_slices.stack`` returns them.
        low: HU that -1 stands for.
        high: HU that 1 stands for.
        column: what the noise is made of.
    """
    generator = sampler.generator
    noise = column.noise(generator.noise_size, len(masks.array), generator.grain_size)
    images = sampler.images(masks.array, noise)
    hu = np.stack([unscaled(image[0], low, high) for image in images])
    return masks.with_array(hu)
