"""How well probabilities agree with labels, and what knowing nothing would reach.

scikit-learn does the arithmetic. Averages are over labels: "macro" plainly, "weighted" by the
number of reports that have the label, "micro" over all decisions together.
"""

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from phantomloom.privacy.reports import Targets

THRESHOLD = 0.5
BINS = 15  # of equal width, as in Guo et al. 2017


def scores(
    truth: Targets,
    probabilities: np.ndarray,
    label_names: tuple[str, ...],
    thresholds: float | np.ndarray = THRESHOLD,
) -> dict[str, Any]:
    """Return the scores of ``probabilities`` [N, L]; labels that are not known count nowhere.

    A label counts as predicted from its threshold on: one number, or [L]. They must be public or
    charged to the privacy budget. AUC and AUPRC are None for a label without both classes and
    their means leave it out; they are None where nothing remains.

    Raises:
        ValueError: if the shapes differ, if a probability is none, or if no label is known.
    """
    _check(truth, probabilities, label_names)
    predicted = probabilities >= thresholds
    labels = {
        name: _label(*_known(truth, probabilities, predicted, column))
        for column, name in enumerate(label_names)
    }
    rows = list(labels.values())
    f1, support = np.array([row["f1"] for row in rows]), np.array([row["reports"] for row in rows])
    known = truth.known
    return {
        "weighted_f1": float(np.average(f1, weights=support)) if support.any() else 0.0,
        "macro_f1": float(f1.mean()),
        "micro_f1": float(f1_score(truth.values[known] > 0.5, predicted[known], zero_division=0)),
        "auc": _mean([row["auc"] for row in rows]),
        "auprc": _mean([row["auprc"] for row in rows]),
        "calibration_error": calibration_error(truth.values[known], probabilities[known]),
        "labels": labels,
    }


def floors(
    truth: Targets, prevalence: np.ndarray, label_names: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Return the scores of two who read nothing.

    "all_positive" says every label of every report; "prevalence" gives each label its
    ``prevalence`` [L] of elsewhere (public, or the training's) as probability.
    """
    shape = truth.values.shape
    return {
        "all_positive": scores(truth, np.ones(shape), label_names),
        "prevalence": scores(truth, np.broadcast_to(prevalence, shape), label_names),
    }


def calibration_error(values: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the expected calibration error of flat arrays (Guo et al. 2017, equation 3)."""
    if not len(values):
        return 0.0
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=values - probabilities, minlength=BINS)
    return float(np.abs(gaps).sum() / len(values))


def _check(truth: Targets, probabilities: np.ndarray, label_names: tuple[str, ...]) -> None:
    shape = (len(truth.values), len(label_names))
    if truth.values.shape != shape or probabilities.shape != shape:
        raise ValueError(
            f"{shape[0]} reports and {shape[1]} labels need arrays of that shape, not "
            f"{truth.values.shape} and {probabilities.shape}"
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is below 0, above 1 or no number")
    if not truth.known.any():
        raise ValueError("no label of these reports is known, so there is nothing to score")


def _known(
    truth: Targets, probabilities: np.ndarray, predicted: np.ndarray, column: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    known = truth.known[:, column]
    values = truth.values[known, column] > 0.5
    return values, probabilities[known, column], predicted[known, column]


def _label(values: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    both = values.any() and not values.all()
    return {
        "reports": int(values.sum()),
        "f1": float(f1_score(values, predicted, zero_division=0)) if len(values) else 0.0,
        "auc": float(roc_auc_score(values, probabilities)) if both else None,
        "auprc": _auprc(values, probabilities) if both else None,
        "calibration_error": calibration_error(values.astype(float), probabilities),
    }


def _auprc(values: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the area under precision and recall; its sum of rounded parts may pass 1."""
    return min(1.0, float(average_precision_score(values, probabilities)))


def _mean(values: list[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return float(np.mean(given)) if given else None
