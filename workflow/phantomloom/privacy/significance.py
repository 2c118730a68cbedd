"""Tests of differences and of a trend over repeated splits of one cohort."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

ALPHA = 0.05
FEW_SEEDS = 10


class PairedTest(NamedTuple):
    """A test of paired differences; what cannot be tested has None and the reason."""

    t: float | None
    p: float | None  # two-sided
    cohens_dz: float | None  # mean of the differences over their SD
    reason: str | None


def corrected_t(differences: np.ndarray, test_to_train: float) -> PairedTest:
    """Return the corrected resampled t test (Nadeau & Bengio 2003, section 3, formula 9).

    Args:
        differences: [seeds], of two models on the same splits.
        test_to_train: test reports over training reports; 0 gives the paired t test, which takes
            overlapping splits for independent.
    """
    seeds = len(differences)
    if seeds < 2:
        return PairedTest(None, None, None, "one seed: the differences of seeds have no SD")
    mean, sd = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if sd == 0:
        return PairedTest(None, None, None, "the difference is the same for all seeds")
    t = mean / (sd * math.sqrt(1 / seeds + test_to_train))
    return PairedTest(t, float(2 * stats.t.sf(abs(t), seeds - 1)), mean / sd, None)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return ``p_values`` adjusted for their number (Holm 1979); None stays and counts as 1."""
    p = np.array([1.0 if value is None else value for value in p_values])
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    pairs = zip(p_values, adjusted, strict=True)
    return [None if value is None else float(new) for value, new in pairs]


def trend(table: np.ndarray) -> dict[str, Any]:
    """Return Page's L test (Page 1963) that ``table`` [seeds, levels] rises with the levels.

    Levels are ranked within their seed. Seeds count as independent, which overlapping splits are
    not quite. ``smallest_p`` is what seeds that all agree would give.
    """
    seeds, levels = table.shape
    nothing = {"l": None, "p": None, "method": None, "smallest_p": None}
    if levels < 3:
        return nothing | {"reason": f"Page's test needs three levels, here are {levels}"}
    if seeds < 2:
        return nothing | {"reason": "Page's test needs two seeds, here is one"}
    found = stats.page_trend_test(table)  # exact where small, see its method "auto"
    smallest = math.exp(-seeds * math.lgamma(levels + 1))
    return {
        "l": float(found.statistic),
        "p": float(found.pvalue),
        "method": found.method,
        "smallest_p": smallest,
        "reason": None,
    }


def power(seeds: int, pairs: int) -> list[str]:
    """Return what to know of tests of so many ``pairs`` on so few ``seeds``, if they are few."""
    if seeds >= FEW_SEEDS:
        return []
    if seeds == 1:
        return [
            "One seed: levels are not tested against each other, and the intervals know of the "
            "patients only, not of how splits and trainings vary."
        ]
    return [
        f"With fewer than {FEW_SEEDS} seeds the tests of pairs have little power: {seeds} seeds "
        f"can never give a Wilcoxon p under {2 / 2**seeds:.2g}, and Holm asks the clearest of "
        f"{pairs} pairs for a p under {ALPHA / pairs:.2g}.",
        "The intervals of so few seeds are too narrow where trainings vary more than patients do.",
    ]
