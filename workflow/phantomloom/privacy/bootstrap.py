"""The paired bootstrap of patients, nested over seeds: how sure a weighted F1 is.

A seed stands for a split of the patients and the randomness of one training. Each draw takes seeds
with replacement and, anew for each seed taken, its test patients with replacement (Davison &
Hinkley 1997, section 3.8). All that is compared meets the same patients, so differences of draws
are paired. One seed knows of the patients only, and few seeds tell little of how trainings vary.
In a simulation (400 test patients of 2,000; one model's recall varying by training with an SD of
.01 / .03) the 95 % interval held the true difference in 90 / 71 % of cases with one seed, 96 / 86 %
with three and 99 / 94 % with ten.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.privacy.metrics import THRESHOLD
from phantomloom.privacy.reports import Targets


class Run(NamedTuple):
    """What one model said of the test reports of one seed."""

    truth: Targets
    probabilities: np.ndarray  # [N, L]
    patients: Sequence[str] | np.ndarray  # [N]
    thresholds: float | np.ndarray = THRESHOLD  # one number, or [L]


Runs = Mapping[int, Run]  # by seed


def check(runs: Mapping[str, Runs]) -> None:
    """Refuse what cannot be compared in pairs.

    Raises:
        ValueError: if there is no seed, or if ``runs`` differ in their seeds or test reports.
    """
    first, *others = runs
    if not runs[first]:
        raise ValueError(f"{first}: there is no seed")
    for name in others:
        if runs[name].keys() != runs[first].keys():
            raise ValueError(
                f"{name} has the seeds {sorted(runs[name])} and {first} {sorted(runs[first])}; "
                "a paired comparison needs the same"
            )
        for seed, run in runs[name].items():
            if not _same_reports(run, runs[first][seed]):
                raise ValueError(f"seed {seed}: {name} and {first} have other test reports")


def draws(runs: Mapping[str, Runs], number: int, random: np.random.Generator) -> np.ndarray:
    """Return weighted F1 [number, runs], the mean over the seeds of each draw."""
    first = next(iter(runs.values()))
    tables = [patient_counts([its[seed] for its in runs.values()]) for seed in first]
    taken = random.integers(len(tables), size=(number, len(tables)))
    f1 = np.empty((number, len(tables), len(runs)))
    for place, table in enumerate(tables):
        here = taken == place
        people = len(table)
        times = random.multinomial(people, np.full(people, 1 / people), size=here.sum())
        f1[here] = weighted_f1(np.tensordot(times, table, 1))
    return f1.mean(axis=1)


def patient_counts(runs: Sequence[Run]) -> np.ndarray:
    """Return counts [patients, 1 + 2 R, L] of R ``runs`` over the same reports.

    First the reports that have the label; then for each run those of them it found, and all that
    it called. Labels that are not known count nowhere.
    """
    known = runs[0].truth.known
    present = known & (runs[0].truth.values > 0.5)
    called = [known & (run.probabilities >= run.thresholds) for run in runs]
    rows = np.stack([present, *(c for one in called for c in (one & present, one))], axis=1)
    names, patients = np.unique(runs[0].patients, return_inverse=True)
    counts = np.zeros((len(names), *rows.shape[1:]))
    np.add.at(counts, patients, rows)
    return counts


def weighted_f1(counts: np.ndarray) -> np.ndarray:
    """Return weighted F1 [..., R] of ``counts`` [..., 1 + 2 R, L]; 0 where no label is present."""
    present, found, called = counts[..., :1, :], counts[..., 1::2, :], counts[..., 2::2, :]
    f1 = 2 * found / np.maximum(present + called, 1)
    return (f1 * present).sum(-1) / np.maximum(present.sum(-1), 1)


def _same_reports(one: Run, other: Run) -> bool:
    return (
        np.array_equal(one.patients, other.patients)
        and np.array_equal(one.truth.known, other.truth.known)
        and np.array_equal(one.truth.values, other.truth.values)
    )
