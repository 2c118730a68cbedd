"""What levels differ in by weighted F1: gains, pairs, inversions, the trend, non-inferiority."""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from phantomloom.privacy import significance
from phantomloom.privacy.levels import LORA, PUBLIC, budgets
from phantomloom.privacy.significance import ALPHA

EQUIVALENT = 0.005  # of weighted F1: less than what a seed's split changes


class Reached(NamedTuple):
    """Weighted F1 of a level or baseline."""

    seeds: np.ndarray  # [seeds]
    drawn: np.ndarray  # [draws] of the bootstrap, paired with those of all others


def difference(one: Reached, other: Reached) -> dict[str, float]:
    """Return how far ``one`` lies above ``other``, with the 95 % interval of the bootstrap."""
    low, high = np.quantile(one.drawn - other.drawn, [ALPHA / 2, 1 - ALPHA / 2])
    mean = np.mean(one.seeds - other.seeds)
    return {"difference": float(mean), "low": float(low), "high": float(high)}


def gains(level: str, reached: Mapping[str, Reached], baselines: Sequence[str]) -> dict[str, Any]:
    """Return the gain of ``level`` over the public model and over each of ``baselines``."""
    gain = None if level == PUBLIC else difference(reached[level], reached[PUBLIC])
    return {
        "gain": gain,
        "indistinguishable": None if gain is None else _as_nothing(gain),
        "over_baselines": [
            {"name": name} | difference(reached[level], reached[name]) for name in baselines
        ],
    }


def _as_nothing(gain: Mapping[str, float]) -> bool:
    """Return whether an interval contains 0, or is so near to it that nobody would mind.

    A test of equivalence (two one-sided tests, Schuirmann 1987): with many patients a gain of .0003
    is significant, but it is none.
    """
    low, high = gain["low"], gain["high"]
    return low <= 0 <= high or max(abs(low), abs(high)) < EQUIVALENT


def pairs(
    levels: Sequence[str], reached: Mapping[str, Reached], test_to_train: float
) -> list[dict[str, Any]]:
    """Return the tests of neighbours and of each budget with each end, Holm over all of them."""
    private = set(budgets(levels))
    chosen = [
        (lower, higher)
        for lower, higher in combinations(levels, 2)
        if (lower, higher) in pairwise(levels) or len({lower, higher} & private) == 1
    ]
    tests = [
        significance.corrected_t(reached[higher].seeds - reached[lower].seeds, test_to_train)
        for lower, higher in chosen
    ]
    adjusted = significance.holm([test.p for test in tests])
    return [
        {"lower": lower, "higher": higher, "adjacent": (lower, higher) in pairwise(levels)}
        | difference(reached[higher], reached[lower])
        | test._asdict()
        | {"holm_p": p}
        for (lower, higher), test, p in zip(chosen, tests, adjusted, strict=True)
    ]


def inversions(tested: Sequence[Mapping[str, Any]]) -> dict[str, list[list[str]]]:
    """Return the neighbours of ``tested`` whose higher budget is worse: seen, and significant.

    LoRA and full fine-tuning are both without privacy, so neither has the higher budget.
    """
    seen = [
        pair
        for pair in tested
        if pair["adjacent"] and pair["lower"] != LORA and pair["difference"] < 0
    ]
    sure = [pair for pair in seen if pair["holm_p"] is not None and pair["holm_p"] < ALPHA]
    return {
        "observed": [[pair["lower"], pair["higher"]] for pair in seen],
        "significant": [[pair["lower"], pair["higher"]] for pair in sure],
    }


def trend(levels: Sequence[str], reached: Mapping[str, Reached]) -> dict[str, Any]:
    """Return Page's test over the budgets, without the ends."""
    private = budgets(levels)
    table = np.stack([reached[level].seeds for level in private], axis=1)
    return {"levels": private} | significance.trend(table)


def non_inferiority(
    levels: Sequence[str], reached: Mapping[str, Reached], margin: float
) -> list[dict[str, Any]]:
    """Return for each budget the lower end of its one-sided 95 % interval against LoRA.

    It is not inferior where that end lies above -``margin``. Without LoRA there is no row.
    """
    return [_against(level, reached, margin) for level in budgets(levels) if LORA in levels]


def _against(level: str, reached: Mapping[str, Reached], margin: float) -> dict[str, Any]:
    lower = float(np.quantile(reached[level].drawn - reached[LORA].drawn, ALPHA))
    mean = float(np.mean(reached[level].seeds - reached[LORA].seeds))
    return {"level": level, "difference": mean, "low": lower, "holds": lower > -margin}
