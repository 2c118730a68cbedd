"""A trained generator judged on masks of people that it has not seen: all metrics in one table.

People are split into two halves. Images made from the masks of one half stand beside real images
of the other wherever sets are compared, since the very person behind a mask is always near. A data
set of one person has no halves: there the images stand beside those that the masks belong to, and
what needs other people is not available.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from phantomloom.gan import sampling
from phantomloom.gan.metrics import (
    consistency,
    ct,
    diversity,
    features,
    halves,
    memorisation,
    swd,
)
from phantomloom.gan.metrics.estimate import Estimate, missing
from phantomloom.gan.metrics.overlap import Segmented
from phantomloom.gan.pairs import Pairs, unscaled
from phantomloom.gan.sampling import Sampler
from phantomloom.gan.segmenter import Segmenter

SWD, CONSISTENCY, DIVERSITY = "SWD, mean of the scales", "mask consistency", "diversity"
REAL_SWD = "SWD of real against real"
MEMORISATION, COPIES = "distance to training over held-out images", "share of copies"
HISTOGRAM, NOISE, EDGE = "HU histogram distance", "noise departure", "edge width departure"
BETTER = {  # what a contest is decided on
    SWD: "lower",
    CONSISTENCY: "higher",
    DIVERSITY: "higher",
    HISTOGRAM: "lower",
    NOISE: "lower",
    EDGE: "lower",
}
ONE_PERSON = missing("the data set shows one person only")
AT_ONCE = 256  # training images that are scaled together


class Judging(NamedTuple):
    """How a generator is judged.

    draws: of each mask, for diversity. masks: that have several draws, evenly spaced. flat:
    classes without texture, where noise is measured; those that a data set lacks do not matter
    there. seed: of all that is drawn.
    """

    draws: int
    masks: int
    flat: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Judging":
        """Return what a part of the config describes."""
        return cls(**{**settings, "flat": tuple(settings["flat"])})


class Sides(NamedTuple):
    """Rows whose masks are sampled, and rows of real images to compare these with."""

    sampled: np.ndarray
    real: np.ndarray
    same_people: bool


def judge(
    sampler: Sampler,
    train: Pairs,
    test: Pairs,
    segmenter: Segmenter,
    judging: Judging,
    features_of: Callable[[Tensor], np.ndarray] | None = None,
    why_no_features: str = "no network was named",
) -> dict[str, Estimate]:
    """Return every metric of the images that ``sampler`` makes of the masks of ``test``.

    train: what the generator learnt from. features_of: takes images [N, C, H, W] and returns
    features [N, D]; without it FID, KID, precision and recall have no value but the reason.
    """
    images = _one_each(sampler, test, judging.seed)
    rows = np.arange(len(test.names))
    real, sides = test.scaled(rows), _sides(test, judging.seed)
    found = _scales(images, real, sides, test, judging.seed)
    found |= _by_class(images, real, test, segmenter)
    found |= _variety(sampler, test, judging)
    found |= _copies(images, train, test, sides, judging.seed)
    if test.unit == "HU":
        found |= _as_ct(images, test, sides, judging)
    if features_of is None:
        return found | features.unavailable(why_no_features)
    there, made = features_of(real[sides.real]), features_of(images[sides.sampled])
    return found | features.scores(there, made, judging.seed)


def _one_each(sampler: Sampler, pairs: Pairs, seed: int) -> Tensor:
    """Return an image of each mask, [N, C, R, R]."""
    wishes = sampling.draws(pairs.names, 1, seed)
    samples = sampling.sampled(sampler, pairs.masks, pairs.names, wishes)
    return torch.stack([sample.image for sample in samples]).clamp(-1, 1)


def _sides(test: Pairs, seed: int) -> Sides:
    if len(set(test.groups)) < 2:
        rows = np.arange(len(test.names))
        return Sides(rows, rows, True)
    return Sides(*halves.halves(test.groups, seed), False)


def _scales(
    images: Tensor, real: Tensor, sides: Sides, test: Pairs, seed: int
) -> dict[str, Estimate]:
    made = swd.swd(images[sides.sampled], real[sides.real], seed)
    found = {SWD: Estimate(float(np.mean(list(made.values()))), None)}
    found |= {f"SWD at {size}": Estimate(value, None) for size, value in made.items()}
    if sides.same_people:
        return found | {REAL_SWD: ONE_PERSON}
    among = swd.real_against_real(real, test.groups, seed)
    return found | {REAL_SWD: Estimate(float(np.mean(list(among.values()))), None)}


def _by_class(
    images: Tensor, real: Tensor, test: Pairs, segmenter: Segmenter
) -> dict[str, Estimate]:
    made, held = (
        Segmented(segmenter.labels(each), np.asarray(test.masks), test.groups)
        for each in (images, real)
    )
    found = consistency.consistency(made, held, len(test.class_names))
    names = dict(enumerate(test.class_names, 1))
    each = {f"{CONSISTENCY}, {names[n]}": value for n, value in found.classes.items()}
    dice = {f"Dice on real, {names[n]}": Estimate(v, None) for n, v in found.real_dice.items()}
    return {CONSISTENCY: found.mean} | each | dice


def _variety(sampler: Sampler, test: Pairs, judging: Judging) -> dict[str, Estimate]:
    count = min(judging.masks, len(test.names))
    rows = np.unique(np.linspace(0, len(test.names) - 1, count, dtype=int))
    names = [test.names[row] for row in rows]
    wishes = sampling.draws(names, judging.draws, judging.seed)
    samples = sampling.sampled(sampler, test.masks[rows], names, wishes)
    drawn = torch.stack([sample.image for sample in samples]).clamp(-1, 1)
    drawn = drawn.unflatten(0, (len(rows), judging.draws))
    groups = [test.groups[row] for row in rows]
    found = diversity.diversity(drawn, groups, test.masks[rows] > 0)
    return {DIVERSITY: found.unlikeness, "deviation over draws": found.deviation}


def _copies(
    images: Tensor, train: Pairs, test: Pairs, sides: Sides, seed: int
) -> dict[str, Estimate]:
    if sides.same_people:
        return dict.fromkeys((MEMORISATION, COPIES), ONE_PERSON)
    groups = [test.groups[row] for row in sides.real]
    at_once = np.split(np.arange(len(train.names)), range(AT_ONCE, len(train.names), AT_ONCE))
    seen = torch.cat([memorisation.small(train.scaled(rows)) for rows in at_once])
    found = memorisation.memorisation(
        images[sides.sampled], seen, test.scaled(sides.real), train.groups, groups, seed
    )
    return {
        MEMORISATION: Estimate(found.ratio, None),
        COPIES: Estimate(found.copies, None),
    }


def _as_ct(images: Tensor, test: Pairs, sides: Sides, judging: Judging) -> dict[str, Estimate]:
    if test.pixel_mm is None:
        return dict.fromkeys((HISTOGRAM, NOISE, EDGE), missing("the size of a pixel is not known"))
    hu = unscaled(images[:, 0], test.low, test.high)
    real = ct.Slices(np.asarray(test.images[sides.real, 0]), np.asarray(test.masks[sides.real]))
    made = ct.Slices(hu[sides.sampled], np.asarray(test.masks[sides.sampled]))
    flat = [n for n, name in enumerate(test.class_names, 1) if name in judging.flat]
    found = ct.likeness(real, made, test.class_names, flat, test.pixel_mm)
    each = {f"{HISTOGRAM}, {name}": _or_missing(v) for name, v in found.histogram_hu.items()}
    inside = [v for name, v in found.histogram_hu.items() if name != ct.OVERALL and v is not None]
    return each | {
        HISTOGRAM: _or_missing(float(np.mean(inside)) if inside else None),
        NOISE: _or_missing(found.noise_hu.departure),
        "noise, HU": _or_missing(found.noise_hu.generated),
        "noise of real, HU": _or_missing(found.noise_hu.real),
        **_powers(found.noise_power),
        EDGE: _or_missing(found.edge_width_mm.departure),
        "edge width, mm": _or_missing(found.edge_width_mm.generated),
        "edge width of real, mm": _or_missing(found.edge_width_mm.real),
    }


def _powers(found: Mapping[float, ct.Compared]) -> dict[str, Estimate]:
    """Return the noise power at each frequency, and how far off it is in the mean of all."""
    off = [its.departure for its in found.values() if its.departure is not None]
    each = {
        f"noise power{of} at {frequency:.3f} per mm, HU^2 mm^2": _or_missing(value)
        for frequency, its in found.items()
        for of, value in ((" of real", its.real), ("", its.generated))
    }
    return {"noise power departure": _or_missing(float(np.mean(off)) if off else None), **each}


def _or_missing(value: float | None) -> Estimate:
    return missing("it could not be measured") if value is None else Estimate(float(value), None)
