"""A value with its standard error; independent is the patient, not the slice."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd


class Estimate(NamedTuple):
    """A value and its standard error; what could not be measured has None and the reason.

    The error alone is None where there is one patient only, or where nothing was repeated.
    """

    value: float | None
    error: float | None
    reason: str | None = None


def missing(reason: str) -> Estimate:
    """Return the estimate of what could not be measured."""
    return Estimate(None, None, reason)


def of_sample(values: np.ndarray) -> Estimate:
    """Return mean and standard error of independent ``values`` [N]; NaN counts as not there."""
    there = np.asarray(values, float)[np.isfinite(values)]
    if not len(there):
        return missing("there are no values")
    error = float(there.std(ddof=1) / math.sqrt(len(there))) if len(there) > 1 else None
    return Estimate(float(there.mean()), error)


def over_groups(values: np.ndarray, groups: Sequence[str]) -> Estimate:
    """Return the mean of the groups' means of ``values`` [N], and its standard error."""
    return of_sample(pd.Series(values).groupby(list(groups)).mean().to_numpy())


def left_out_means(table: np.ndarray) -> np.ndarray:
    """Return for each row of ``table`` [G, ...] the mean of all others, NaN counting as not there.

    NaN where no other row has a value.
    """
    there = np.isfinite(table)
    rest = np.where(there, table, 0).sum(0) - np.where(there, table, 0)
    counts = there.sum(0) - there
    return np.where(counts > 0, rest / np.maximum(counts, 1), np.nan)


def jackknife_error(left_out: np.ndarray) -> float | None:
    """Return the standard error from values [G] with one group left out each (Tukey 1958)."""
    groups = len(left_out)
    if groups < 2 or not np.isfinite(left_out).all():
        return None
    return float(math.sqrt((groups - 1) * left_out.var()))
