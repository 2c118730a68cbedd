"""What attacks find out about one training of the sweep, and about its twin without noise.

Canaries in the gradient see every noisy sum (white box); canaries in the labels see losses before
and after; the membership attack sees the losses of real reports alone. The twin makes the same
steps with the same clip and must leak: an attack that misses it says nothing of the private run.
All that is trained here is thrown away, since it has canaries in it.

Fixed before any score: 1,000 canaries and 400 guesses. So many guesses prove most for Gaussian
scores of epsilon 1 to 10 at a confidence of .99, which took no data to find out.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from phantomloom.privacy import audit
from phantomloom.privacy.audit import GradientCanaries
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.randomness import CANARIES, uniforms
from phantomloom.privacy.training import Plan, Trainable, Watch, train

NUMBER, GUESSES = 1000, 400
ATTACKS = ("gradient", "loss")
LARGE = 1000.0  # clip norms: either kind of clipping then leaves a canary's gradient one of them


class Training(NamedTuple):
    """A training as it is without an audit.

    learner: makes one that has learnt nothing, from targets [N, L]. units: training rows of each.
    others: rows that are held out. plan: with a seed, which draws the canaries too.
    """

    learner: Callable[[Tensor], Learner]
    targets: Tensor
    units: Sequence[np.ndarray]
    others: np.ndarray
    plan: Plan


class Scores(NamedTuple):
    """High ``scores`` [m] speak for taking part; ``included`` [m] did."""

    scores: np.ndarray
    included: np.ndarray


def confidence(audits: int) -> float:
    """Return the confidence of each bound with which all of ``audits`` runs' hold at 95 %.

    Each run has a bound for each of ATTACKS.
    """
    return 1 - 0.05 / (audits * len(ATTACKS))


def attacked(
    training: Training, delta: float, sure: float, number: int = NUMBER, guesses: int = GUESSES
) -> dict[str, Any]:
    """Return what attacks find in the ``private`` training and in its ``control`` without noise.

    Of each: ``gradient`` and ``loss`` with canaries, guesses, correct and the lower bound of
    epsilon at confidence ``sure``; ``membership`` with auc and p.

    Raises:
        ValueError: if the training is not private, has no seed, or has fewer units than canaries.
    """
    _check(training, number)
    silent = training._replace(plan=training.plan._replace(noise_multiplier=0.0))
    bound = partial(audit.audit, guesses=guesses, delta=delta, confidence=sure)
    found: dict[str, Any] = {}
    for name, its in (("private", training), ("control", silent)):
        seen, membership = by_gradient(its, number)
        scores = dict(zip(ATTACKS, (seen, by_loss(its, number)), strict=True))
        found[name] = {attack: bound(*its)._asdict() for attack, its in scores.items()}
        found[name]["membership"] = membership
    return found


def by_gradient(training: Training, number: int) -> tuple[Scores, dict[str, float]]:
    """Return the scores of canaries in the gradient, units of their own, and a membership attack.

    They touch nothing that the model learns, so its losses are those of a run without them.
    """
    rows, plan = len(training.targets), training.plan
    assert plan.clip is not None
    learner = training.learner(training.targets)
    watched = GradientCanaries(learner, rows, number, LARGE * plan.clip)
    included = audit.coins(number, plan.seed)
    canaries = [np.array([rows + canary]) for canary in np.flatnonzero(included)]
    _train(watched, training, [*training.units, *canaries], watched.watch)
    members = learner.losses(np.concatenate(training.units))
    others = learner.losses(training.others)
    return Scores(watched.scores, included), audit.membership(members.tolist(), others.tolist())


def by_loss(training: Training, number: int) -> Scores:
    """Return the scores of canaries in the labels: units whose labels are coins, half left out."""
    units, plan = training.units, training.plan
    assert plan.seed is not None
    chosen = uniforms(len(units), plan.seed, CANARIES, 2).argsort()[:number]
    included = audit.coins(number, plan.seed)
    canaries = [units[unit] for unit in chosen]
    targets = audit.mislabelled(training.targets, np.concatenate(canaries), plan.seed)
    learner = training.learner(targets)
    before = _losses(learner, canaries)
    absent = set(chosen[~included].tolist())
    _train(learner, training, [its for unit, its in enumerate(units) if unit not in absent])
    return Scores(before - _losses(learner, canaries), included)


def _check(training: Training, number: int) -> None:
    plan = training.plan
    if plan.clip is None or plan.seed is None:
        raise ValueError("privacy.audit: what is audited has a clip, and a seed for its canaries")
    if len(training.units) < number:
        raise ValueError(
            f"privacy.audit: {number} units become canaries, but there are {len(training.units)}"
        )


def _train(
    learner: Trainable,
    training: Training,
    units: Sequence[np.ndarray],
    watch: Watch | None = None,
) -> None:
    """Train on ``units``, with steps as long as those of the training without an audit."""
    plan = training.plan._replace(units=len(training.units))
    with TemporaryDirectory() as folder:  # to go on from a half would miss sums
        train(learner, units, plan, Path(folder), watch=watch)


def _losses(learner: Learner, units: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean loss of each unit's rows."""
    sizes = np.array([len(unit) for unit in units])
    losses = learner.losses(np.concatenate(units)).double().numpy()
    return np.add.reduceat(losses, np.cumsum(sizes) - sizes) / sizes
