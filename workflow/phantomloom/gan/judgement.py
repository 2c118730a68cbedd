"""A trained generator judged on masks of people that it has not seen: all metrics in one table.

People are split into two halves. Images made from the masks of one half stand beside real images
of the other wherever sets are compared, since the very person behind a mask is always near. A data
set of one person has no halves: there the images stand beside those that the masks belong to, and
what needs other people is not available.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

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
from phantomloom.gan.metrics.images import Images
from phantomloom.gan.pairs import Pairs
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
REAL = ", real against real"  # the same measure of the real images of one half


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


class Sets(NamedTuple):
    """Real images beside the images made of their masks, row by row."""

    made: Pairs
    real: Pairs
    sides: Sides

    @property
    def compared(self) -> dict[str, Pairs]:
        """What is compared with the real images of the other side, by the ending of its name."""
        return {"": self.made} if self.sides.same_people else {"": self.made, REAL: self.real}


def judge(
    sampler: Sampler,
    train: Pairs,
    test: Pairs,
    segmenter: Segmenter,
    judging: Judging,
    folder: Path,
    features_of: Callable[[Images], np.ndarray] | None = None,
    why_no_features: str = "no network was named",
) -> dict[str, Estimate]:
    """Return every metric of the images that ``sampler`` makes of the masks of ``test``.

    train: what the generator learnt from. folder: with room for as many images as ``test`` has;
    they are read part by part, of CT all slices at once. features_of: takes images [N, C, H, W]
    and returns features [N, D]; without it FID, KID, precision and recall have no value but the
    reason.
    """
    made = sampling.remade(sampler, test, judging.seed, folder)
    sets = Sets(made, test, _sides(test, judging.seed))
    found = _scales(sets, judging.seed) | _by_class(sets, segmenter)
    found |= _variety(sampler, test, judging)
    found |= _copies(sets, train, judging.seed)
    if test.unit == "HU":
        found |= _as_ct(sets, judging)
    if features_of is None:
        return found | features.unavailable(why_no_features)
    return found | _by_features(sets, features_of, judging.seed)


def _sides(test: Pairs, seed: int) -> Sides:
    if len(set(test.groups)) < 2:
        rows = np.arange(len(test.names))
        return Sides(rows, rows, True)
    return Sides(*halves.halves(test.groups, seed), False)


def _scales(sets: Sets, seed: int) -> dict[str, Estimate]:
    others, found = sets.real.images_of(sets.sides.real), {REAL_SWD: ONE_PERSON}
    for ending, pairs in sets.compared.items():
        by_size = swd.swd(pairs.images_of(sets.sides.sampled), others, seed)
        mean = REAL_SWD if ending else SWD
        found[mean] = Estimate(float(np.mean(list(by_size.values()))), None)
        found |= {f"SWD at {size}{ending}": Estimate(v, None) for size, v in by_size.items()}
    return found


def _by_class(sets: Sets, segmenter: Segmenter) -> dict[str, Estimate]:
    class_names = sets.real.class_names
    made, held = (segmenter.segmented(pairs) for pairs in (sets.made, sets.real))
    found = consistency.consistency(made, held, len(class_names))
    names = dict(enumerate(class_names, 1))
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


def _copies(sets: Sets, train: Pairs, seed: int) -> dict[str, Estimate]:
    sides = sets.sides
    if sides.same_people:
        return dict.fromkeys((MEMORISATION, COPIES), ONE_PERSON)
    found = memorisation.memorisation(
        [pairs.images_of(sides.sampled) for pairs in sets.compared.values()],
        train.images_of(range(len(train.names))),
        sets.real.images_of(sides.real),
        train.groups,
        [sets.real.groups[row] for row in sides.real],
        seed,
    )
    told = {}
    for ending, its in zip(sets.compared, found, strict=True):
        told[f"{MEMORISATION}{ending}"] = Estimate(its.ratio, None)
        told[f"{COPIES}{ending}"] = Estimate(its.copies, None)
    return told


def _by_features(
    sets: Sets, features_of: Callable[[Images], np.ndarray], seed: int
) -> dict[str, Estimate]:
    others = features_of(sets.real.images_of(sets.sides.real))
    found: dict[str, Estimate] = {}
    for ending, pairs in sets.compared.items():
        its = features.scores(others, features_of(pairs.images_of(sets.sides.sampled)), seed)
        found |= {f"{name}{ending}": value for name, value in its.items()}
    return found


def _as_ct(sets: Sets, judging: Judging) -> dict[str, Estimate]:
    test, departures = sets.real, (HISTOGRAM, NOISE, EDGE)
    if test.pixel_mm is None:
        return dict.fromkeys(departures, missing("the size of a pixel is not known"))
    others = _slices(test, sets.sides.real)
    flat = [n for n, name in enumerate(test.class_names, 1) if name in judging.flat]
    found = {f"{metric}{REAL}": ONE_PERSON for metric in departures}
    for ending, pairs in sets.compared.items():
        its = _slices(pairs, sets.sides.sampled)
        window_hu = (test.low, test.high)
        like = ct.likeness(others, its, test.class_names, flat, test.pixel_mm, window_hu)
        found |= {f"{name}{ending}": value for name, value in _departures(like).items()}
        if not ending:
            found |= _values(like)
    return found


def _slices(pairs: Pairs, rows: np.ndarray) -> ct.Slices:
    return ct.Slices(np.asarray(pairs.images[rows, 0]), np.asarray(pairs.masks[rows]))


def _departures(found: ct.Likeness) -> dict[str, Estimate]:
    """Return how far two sets of slices are apart."""
    inside = [v for name, v in found.histogram_hu.items() if name != ct.OVERALL and v is not None]
    return {
        HISTOGRAM: _or_missing(float(np.mean(inside)) if inside else None),
        NOISE: _or_missing(found.noise_hu.departure),
        EDGE: _or_missing(found.edge_width_mm.departure),
    }


def _values(found: ct.Likeness) -> dict[str, Estimate]:
    """Return what the distances are made of."""
    return {f"{HISTOGRAM}, {name}": _or_missing(v) for name, v in found.histogram_hu.items()} | {
        "noise, HU": _or_missing(found.noise_hu.generated),
        "noise of real, HU": _or_missing(found.noise_hu.real),
        **_powers(found.noise_power),
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
