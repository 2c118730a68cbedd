"""Whether generated images teach a segmenter: one learns from real ones, one from both kinds.

Both make as many steps on batches of one size, and are tried on real images of people that neither
segmenter nor generator has seen.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from phantomloom.gan import sampling, segmenter
from phantomloom.gan.metrics.estimate import Estimate, of_sample
from phantomloom.gan.pairs import Pairs
from phantomloom.gan.sampling import Sampler
from phantomloom.gan.segmenter import Recipe


class Taught(NamedTuple):
    """Dice on real images, a mean over classes, then over people, with errors over people."""

    real: Estimate
    both: Estimate
    gain: Estimate  # both less real, of the same people


def teach(
    sampler: Sampler, train: Pairs, test: Pairs, recipe: Recipe, folder: Path, device: str = "cpu"
) -> Taught:
    """Return what a segmenter learns from ``train``, without generated images and with them.

    ``folder`` has room for as many images as ``train`` has.
    """
    real, both = (
        segmenter.train(pairs, recipe, device).dice(test).mean(axis=1).to_numpy()
        for pairs in (train, beside(train, sampler, recipe.seed, folder))
    )
    return Taught(of_sample(real), of_sample(both), of_sample(both - real))


def beside(pairs: Pairs, sampler: Sampler, seed: int, folder: Path) -> Pairs:
    """Return ``pairs``, and after them one generated image of each mask, rounded as they are."""
    made = sampling.remade(sampler, pairs, seed, folder)
    return pairs._replace(
        images=np.concatenate([pairs.images, made.images]),
        masks=np.concatenate([pairs.masks, pairs.masks]),
        names=(*pairs.names, *(f"{name}, generated" for name in pairs.names)),
        groups=pairs.groups * 2,
        parts=pairs.parts * 2,
    )
