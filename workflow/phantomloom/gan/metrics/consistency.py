"""How well generated images show the masks they were made from, judged by a segmenter.

Dice of a segmenter on generated images, as a fraction of its own Dice on real images: 1 if it
finds the classes as well as in real ones. Above 1 is easier than reality, not better.
"""

from typing import NamedTuple

import numpy as np

from phantomloom.gan.metrics import overlap
from phantomloom.gan.metrics.estimate import Estimate, jackknife_error, left_out_means, missing
from phantomloom.gan.metrics.overlap import Segmented

LEAST_DICE = 0.1  # of a class on real images; what a segmenter cannot find it cannot judge


class Consistency(NamedTuple):
    """The fraction over all classes and for each, by class number."""

    mean: Estimate
    classes: dict[int, Estimate]
    real_dice: dict[int, float]  # mean over patients; classes that do not occur are left out


def consistency(generated: Segmented, real: Segmented, classes: int) -> Consistency:
    """Return the fractions with standard errors over the groups (patients).

    Dice is a mean over the patients with the class in their masks, the fraction is one of means,
    and its error the jackknife's: a patient is left out of both sets at once.
    """
    names = sorted({*generated.groups, *real.groups})
    made, held = (
        overlap.dice(each, classes).reindex(names).to_numpy() for each in (generated, real)
    )
    counts = np.isfinite(made).any(0) & np.isfinite(held).any(0)
    real_dice = {
        number: float(np.nanmean(held[:, number - 1]))
        for number in range(1, classes + 1)
        if np.isfinite(held[:, number - 1]).any()
    }
    counts &= [real_dice.get(number, 0) >= LEAST_DICE for number in range(1, classes + 1)]
    whole = np.nanmean(made[:, counts], 0) / np.nanmean(held[:, counts], 0)
    without = left_out_means(made[:, counts]) / left_out_means(held[:, counts])
    found = {
        int(column) + 1: Estimate(float(whole[i]), jackknife_error(without[:, i]))
        for i, column in enumerate(np.flatnonzero(counts))
    }
    each = {
        number: found.get(number) or missing(_why_not(number, real_dice))
        for number in range(1, classes + 1)
    }
    return Consistency(_mean(whole, without), each, real_dice)


def _mean(whole: np.ndarray, without: np.ndarray) -> Estimate:
    """Return the mean over classes [K], and its error from values with a group left out [G, K]."""
    if not len(whole):
        return missing("no class is in the masks of both sets and found by the segmenter")
    several = np.isfinite(without).all(0)  # a class of one patient only has no error
    error = jackknife_error(without[:, several].mean(1)) if several.any() else None
    return Estimate(float(whole.mean()), error)


def _why_not(number: int, real_dice: dict[int, float]) -> str:
    if number in real_dice and real_dice[number] < LEAST_DICE:
        return f"the segmenter does not find it on real images: Dice {real_dice[number]:.2f}"
    return "it is not in the masks of both sets"
