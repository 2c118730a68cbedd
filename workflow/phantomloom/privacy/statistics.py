"""What the privacy levels of one model on one data set differ in, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phantomloom.privacy import bootstrap, differences, significance
from phantomloom.privacy.bootstrap import Run, Runs
from phantomloom.privacy.conclusion import TUNING, conclusion
from phantomloom.privacy.differences import Reached
from phantomloom.privacy.levels import PUBLIC, budgets, epsilon, ordered
from phantomloom.privacy.metrics import scores

ALL_POSITIVE = "all_positive"  # who says every label of every report
METRICS = ("weighted_f1", "macro_f1", "micro_f1", "auc")
MARGIN = 0.05  # of weighted F1, fixed before any run
DRAWS = 1000


def compare(
    dataset: str,
    model: str,
    levels: Mapping[str, Runs],
    baselines: Mapping[str, Runs],
    test_to_train: float,
    unit: str,
    delta: float,
    number: int = DRAWS,
    seed: int = 0,
    margin: float = MARGIN,
) -> dict[str, Any]:
    """Return the comparison as ``schemas/privacy_statistics.schema.yaml`` describes it.

    Args:
        dataset: its name, for the words.
        model: its name, for the words.
        levels: by level the runs by seed: "public" (epsilon 0), budgets such as "0.1", and the
            ends without privacy, "lora" and "full", where there are such.
        baselines: the same by name, "rules" and "bag_of_words" say; who says every label of every
            report is added.
        test_to_train: test reports over training reports of a split.
        unit: what epsilon protects, "report" or "patient".
        delta: the largest of the private runs, whose epsilons hold at it too.
        number: draws of the bootstrap.
        seed: of the draws.
        margin: of weighted F1, within which a budget is not inferior to "lora".

    Raises:
        ValueError: if a level is unknown, if "public" or every budget is missing, if a baseline
            is called as a level, or if the runs differ in their seeds or test reports.
    """
    names = ordered(levels)
    _check(names, baselines)
    runs = {name: levels[name] for name in names} | dict(baselines)
    runs |= {ALL_POSITIVE: _all_positive(levels[PUBLIC])}
    bootstrap.check(runs)
    measured = {name: _measured(its) for name, its in runs.items()}
    reached = _reached(measured, bootstrap.draws(runs, number, np.random.default_rng(seed)))
    others = [name for name in runs if name not in names]
    tested = differences.pairs(names, reached, test_to_train)
    found = {
        "dataset": dataset,
        "model": model,
        "unit": unit,
        "delta": delta,
        "seeds": list(levels[PUBLIC]),
        "draws": number,
        "test_to_train": test_to_train,
        "margin": margin,
        "levels": [
            {"level": name, "epsilon": epsilon(name), "metrics": measured[name]}
            | differences.gains(name, reached, others)
            for name in names
        ],
        "baselines": [{"name": name, "metrics": measured[name]} for name in others],
        "pairs": tested,
        "inversions": differences.inversions(tested),
        "trend": differences.trend(names, reached),
        "non_inferiority": differences.non_inferiority(names, reached, margin),
        "notes": [*significance.power(len(levels[PUBLIC]), len(tested)), TUNING],
    }
    return found | {"conclusion": conclusion(found)}


def _check(levels: Sequence[str], baselines: Mapping[str, Runs]) -> None:
    if PUBLIC not in levels or not budgets(levels):
        raise ValueError(
            f"the levels ({', '.join(levels)}) lack the public model or a budget, so there is no "
            "gain over epsilon 0 to tell of"
        )
    if twice := sorted(set(baselines) & {*levels, ALL_POSITIVE}):
        raise ValueError(f"a baseline is called as a level: {', '.join(twice)}")


def _all_positive(runs: Runs) -> Runs:
    return {
        seed: Run(run.truth, np.ones_like(run.probabilities), run.patients)
        for seed, run in runs.items()
    }


def _measured(runs: Runs) -> dict[str, Any]:
    """Return by metric its mean and SD over the seeds, and the values in their order."""
    tables = [_scores(run) for run in runs.values()]
    return {metric: _mean_sd([table[metric] for table in tables]) for metric in METRICS}


def _scores(run: Run) -> dict[str, Any]:
    labels = tuple(map(str, range(run.truth.values.shape[1])))
    return scores(run.truth, run.probabilities, labels, run.thresholds)


def _reached(measured: Mapping[str, Any], drawn: np.ndarray) -> dict[str, Reached]:
    return {
        name: Reached(np.array(metrics["weighted_f1"]["by_seed"]), drawn[:, column])
        for column, (name, metrics) in enumerate(measured.items())
    }


def _mean_sd(values: list[float | None]) -> dict[str, Any]:
    given = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(given)) if given else None,
        "sd": float(np.std(given, ddof=1)) if len(given) > 1 else None,
        "by_seed": values,
    }
