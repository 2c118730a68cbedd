"""Which variant is better, and by how much: what several seeds of each say.

A win is a difference over 2 standard errors. With three seeds that is weak evidence (about one in
nine differences of equals passes it); the numbers stand beside every verdict.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from phantomloom.gan.metrics.estimate import Estimate, of_sample

WIN = 2  # standard errors
COLUMNS = ("variant", "metric", "value", "seed")


class Verdict(NamedTuple):
    """A metric of two variants; ``winner`` is None where neither wins, ``reason`` says why."""

    metric: str
    better: str  # higher or lower
    first: str
    second: str
    first_mean: float | None
    second_mean: float | None
    difference: float | None  # first minus second
    standard_error: float | None  # of the difference
    winner: str | None
    reason: str | None  # why they could not be judged


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean, standard error and number of values for each metric and variant.

    ``scores`` has a row a value: variant, metric, value (NaN where not available) and seed.
    """
    kept = scores.groupby(["metric", "variant"], sort=False).value
    found = kept.agg(repeats="count", mean="mean", standard_error="sem")
    return found.reset_index()


def verdicts(
    scores: pd.DataFrame,
    better: Mapping[str, str],
    variants: Sequence[str],
) -> list[Verdict]:
    """Return a verdict for each metric of ``better`` and each two of ``variants``, in this order.

    Args:
        scores: as ``summary`` has them, with a column ``seed``.
        better: "higher" or "lower" for each metric.
        variants: those to compare.

    Raises:
        ValueError: if a column is missing, a value is there twice or a way is no way.
    """
    _check(scores, better)
    found = []
    for metric, way in better.items():
        of_metric = scores[scores.metric == metric].dropna(subset="value")
        values = {
            variant: of_metric[of_metric.variant == variant].set_index("seed").value
            for variant in variants
        }
        for first, second in combinations(variants, 2):
            compared = difference(values[first], values[second])
            means = (_mean(values[first]), _mean(values[second]))
            winner = _winner(compared, first, second, way)
            numbers = (*means, compared.value, compared.error)
            found.append(Verdict(metric, way, first, second, *numbers, winner, compared.reason))
    return found


def difference(first: pd.Series, second: pd.Series) -> Estimate:
    """Return ``first`` minus ``second`` with its standard error.

    The variances of both add up (Welch), as seeds are independent.
    """
    one, other = of_sample(first.to_numpy()), of_sample(second.to_numpy())
    if one.value is None or other.value is None:
        return Estimate(None, None, "not available")
    if one.error is None or other.error is None:
        reason = f"{len(first)} and {len(second)} values: no standard error"
        return Estimate(one.value - other.value, None, reason)
    return Estimate(one.value - other.value, math.hypot(one.error, other.error))


def table(found: Sequence[Verdict]) -> pd.DataFrame:
    """Return verdicts as a table with a row each and the sentence of each."""
    rows = [verdict._asdict() | {"sentence": sentence(verdict)} for verdict in found]
    return pd.DataFrame(rows, columns=[*Verdict._fields, "sentence"])


def sentence(verdict: Verdict) -> str:
    """Return the verdict in words, with its numbers; also that there is no winner."""
    first, second = verdict.first, verdict.second
    means = (verdict.first_mean, verdict.second_mean)
    if verdict.difference is None or verdict.standard_error is None:
        return f"{first} and {second} are not compared in {verdict.metric}: {verdict.reason}."
    if verdict.winner is None:
        return (
            f"{first} and {second} show no difference in {verdict.metric} beyond {WIN} standard "
            f"errors: {_numbers(verdict, *means)}."
        )
    if verdict.winner == second:
        first, second, means = second, first, means[::-1]
    return (
        f"{first} has a {verdict.better} {verdict.metric} than {second}, which is better: "
        f"{_numbers(verdict, *means)}."
    )


def _numbers(verdict: Verdict, one: float | None, other: float | None) -> str:
    gap = abs(verdict.difference or 0)
    return (
        f"{_figure(one)} against {_figure(other)}, difference {_figure(gap)}, "
        f"standard error {_figure(verdict.standard_error)}"
    )


def _figure(value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _winner(compared: Estimate, first: str, second: str, way: str) -> str | None:
    if compared.value is None or compared.error is None:
        return None
    if abs(compared.value) <= WIN * compared.error:
        return None
    return first if (compared.value > 0) == (way == "higher") else second


def _mean(values: pd.Series) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _check(scores: pd.DataFrame, better: Mapping[str, str]) -> None:
    if lacking := [name for name in COLUMNS if name not in scores]:
        raise ValueError(f"scores lack the columns {', '.join(lacking)}")
    if twice := scores[scores.duplicated(["variant", "metric", "seed"])].to_dict("records"):
        raise ValueError(f"two values of one seed: {twice[0]}")
    if wrong := {metric: way for metric, way in better.items() if way not in ("higher", "lower")}:
        raise ValueError(f"higher or lower is better, not {wrong}")
