"""A data set as one seed of a sweep sees it: its parts, its targets, what privacy protects."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from phantomloom.privacy import metrics
from phantomloom.privacy.bootstrap import Run
from phantomloom.privacy.reports import Dataset, Targets, targets
from phantomloom.privacy.sampling import rows_of_units
from phantomloom.privacy.splits import Split, split

UNITS = ("report", "patient")


class Study(NamedTuple):
    """parts: rows of the data set. units: the training rows of each unit that privacy protects."""

    dataset: Dataset
    parts: Split
    truth: Targets
    units: list[np.ndarray]


def study(
    dataset: Dataset,
    seed: int,
    unit: str,
    uncertain: Any,
    shares: Sequence[float],
    repeats_together: bool = False,
    shuffled: bool = False,
) -> Study:
    """Return ``dataset`` split by ``seed``; see ``splits.split`` and ``reports.targets``.

    shuffled: the training labels change their reports, so that there is nothing to learn: what
    then gains over the public model gains by a fault.

    Raises:
        ValueError: if ``unit`` is none of UNITS.
    """
    if unit not in UNITS:
        raise ValueError(f"privacy.unit: {' or '.join(UNITS)}, not {unit!r}")
    parts = split(dataset, seed, shares, repeats_together)
    truth = targets([report.labels for report in dataset.reports], uncertain)
    if shuffled:
        truth = _shuffled(truth, parts.train, seed)
    patients = [dataset.reports[row].patient_id for row in parts.train]
    owner = patients if unit == "patient" else range(len(patients))
    return Study(dataset, parts, truth, [parts.train[its] for its in rows_of_units(owner)])


def _shuffled(truth: Targets, rows: np.ndarray, seed: int) -> Targets:
    order = np.arange(len(truth.values))
    order[rows] = np.random.default_rng(seed).permutation(rows)
    return truth.at(order)


def wanted(truth: Targets) -> Tensor:
    """Return what networks learn, float32 [N, L]: NaN where a label is not known."""
    return torch.from_numpy(np.where(truth.known, truth.values, np.nan).astype(np.float32))


def outcome(its: Study, probabilities: np.ndarray, spent: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of ``probabilities`` [T, L] of the test reports, with what was ``spent``.

    The floors' prevalence is that of the training part.
    """
    truth, names = its.truth.at(its.parts.test), its.dataset.label_names
    learnt = np.where(its.truth.known, its.truth.values, np.nan)[its.parts.train]
    prevalence = np.nan_to_num(np.nanmean(learnt, axis=0))
    reports = {name: len(rows) for name, rows in its.parts._asdict().items()}
    return {
        "reports": reports,
        "spent": spent,
        "scores": metrics.scores(truth, probabilities, names),
        "floors": metrics.floors(truth, prevalence, names),
    }


def predictions(its: Study, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Return what ``said`` makes a ``Run`` of: arrays [T, L], and a number a patient, [T]."""
    truth = its.truth.at(its.parts.test)
    _, patients = np.unique([r.patient_id for r in its.dataset.reports], return_inverse=True)
    return {
        "values": truth.values,
        "known": truth.known,
        "probabilities": probabilities.astype(np.float32),
        "patients": patients[its.parts.test],
    }


def said(predictions: dict[str, np.ndarray]) -> Run:
    """Return a run's ``predictions`` as comparisons take them."""
    truth = Targets(predictions["values"], predictions["known"])
    return Run(truth, predictions["probabilities"], predictions["patients"])


def row(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an ``outcome`` as a row of the table of all runs."""
    spent = outcome["spent"]
    scores = {name: value for name, value in outcome["scores"].items() if name != "labels"}
    told = {f"epsilon_{name}": value for name, value in spent.get("epsilon", {}).items()}
    told |= {name: value for name, value in spent.items() if name != "epsilon"}
    return outcome["reports"] | scores | told
