"""Whether generated images teach a segmenter: one learns from real ones, one from both kinds.

Both make as many steps on batches of one size, and are tried on real images of people that neither
segmenter nor generator has seen.
"""

from pathlib import Path
from typing import NamedTuple

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

    ``folder`` has room for twice as many images and masks as ``train`` has.
    """
    real, both = (
        segmenter.train(pairs, recipe, device).dice(test).mean(axis=1).to_numpy()
        for pairs in (train, sampling.beside(train, sampler, recipe.seed, folder))
    )
    return Taught(of_sample(real), of_sample(both), of_sample(both - real))
