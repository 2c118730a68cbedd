"""Does a run leak more than it says? An audit in one run, and a membership attack.

Steinke, Nasr and Jagielski 2023, "Privacy Auditing with One (1) Training Run" (arXiv 2305.08846):
each of m canaries is in or out by a coin; an attacker scores them and guesses for the highest and
the lowest scores. Too many right guesses contradict a small epsilon. The number of guesses must be
fixed before any score is seen. A low bound proves nothing; models that were audited have canaries
in them and are never released.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import binom, mannwhitneyu
from torch import Tensor

from phantomloom.privacy.randomness import CANARIES, uniforms
from phantomloom.privacy.training import Trainable

MOST_EPSILON = 50.0  # more cannot be proven with fewer than 10^20 canaries


class Audit(NamedTuple):
    """canaries: m. guesses: r. correct: v. epsilon: lower bound at the confidence asked for."""

    canaries: int
    guesses: int
    correct: int
    epsilon: float


def coins(canaries: int, seed: int | None) -> np.ndarray:
    """Return which canaries take part, [m]."""
    return uniforms(canaries, seed, CANARIES) < 0.5


def mislabelled(targets: Tensor, rows: np.ndarray, seed: int) -> Tensor:
    """Return ``targets`` [N, L] with labels by coin in ``rows``, the canaries of the loss.

    Their score is the loss before training minus the loss after it: only a run that saw a wrong
    label learns it.
    """
    out = targets.clone()
    coin = uniforms(len(rows) * targets.shape[1], seed, CANARIES, 1) < 0.5
    out[torch.from_numpy(rows)] = torch.from_numpy(coin).view(len(rows), -1).to(targets)
    return out


def audit(
    scores: np.ndarray, included: np.ndarray, guesses: int, delta: float, confidence: float
) -> Audit:
    """Return what ``guesses`` guesses prove; high ``scores`` [m] speak for ``included`` [m].

    Half of them are "in", for the highest scores, half are "out", for the lowest. For a number of
    runs together, let ``confidence`` be 1 - .05 / runs.
    """
    if not 0 < guesses <= len(scores) or guesses % 2:
        raise ValueError(f"guesses is even and at most {len(scores)}, not {guesses}")
    order, half = np.argsort(scores, kind="stable"), guesses // 2
    correct = int(included[order[-half:]].sum() + (~included[order[:half]]).sum())
    bound = epsilon_bound(len(scores), guesses, correct, delta, confidence)
    return Audit(len(scores), guesses, correct, bound)


def epsilon_bound(
    canaries: int, guesses: int, correct: int, delta: float, confidence: float
) -> float:
    """Return the greatest epsilon that so many correct guesses contradict, or 0."""

    def refuted(epsilon: float) -> bool:
        return p_value(canaries, guesses, correct, epsilon, delta) < 1 - confidence

    low, high = 0.0, MOST_EPSILON
    if not refuted(low):
        return low
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def p_value(canaries: int, guesses: int, correct: int, epsilon: float, delta: float) -> float:
    """Return the chance of ``correct`` or more under (epsilon, delta)-DP at most.

    Theorem 5.2 with its term for delta: P[W >= v] + 2 m delta max_i P[v > W >= v - i] / i for a
    binomial W of r guesses that are right with probability e^epsilon / (1 + e^epsilon).
    """
    right = 1 / (1 + np.exp(-epsilon))
    tail = binom.sf(correct - 1, guesses, right)
    i = np.arange(1, correct + 1)
    near = np.cumsum(binom.pmf(correct - i, guesses, right)) / i
    return float(min(1, tail + 2 * canaries * delta * near.max(initial=0)))


class GradientCanaries:
    """A learner with canaries in the gradient: the strongest that the mechanism allows.

    Rows from ``first`` on are canaries. Each has a parameter of its own, which does nothing, and
    its gradient is ``clip`` along it (Dirac canaries). Everything else of the run is as it was.
    """

    def __init__(self, learner: Trainable, first: int, canaries: int, clip: float):
        self._learner, self._first, self._canaries = learner, first, canaries
        self._size, self._clip = len(learner.parameters()), clip
        self.scores = np.zeros(canaries)

    def parameters(self) -> Tensor:
        """Return the learner's parameters and a 0 for each canary, [P + m]."""
        real = self._learner.parameters()
        return torch.cat([real, real.new_zeros(self._canaries)])

    def load(self, flat: Tensor) -> None:
        """Set the learner's parameters."""
        self._learner.load(flat[: self._size])

    def gradients(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return gradients [R, P + m] and losses [R]; a canary's loss is 0."""
        real = rows < self._first
        known, loss = self._learner.gradients(rows[real]) if real.any() else (None, None)
        out = torch.zeros(len(rows), self._size + self._canaries)
        losses = torch.zeros(len(rows))
        if known is not None and loss is not None:
            out[torch.from_numpy(real), : self._size] = known.to(out)
            losses[torch.from_numpy(real)] = loss.to(losses)
        canary = np.flatnonzero(~real)
        out[canary, self._size + rows[canary] - self._first] = self._clip
        return out, losses

    def total(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the sum of the gradients and the losses."""
        each, losses = self.gradients(rows)
        return each.sum(0), losses

    def digest(self) -> str:
        """Return the learner's digest with what the canaries are."""
        return f"{self._learner.digest()} {self._first} {self._canaries} {self._clip}"

    def watch(self, step: int, total: Tensor) -> None:
        """Add a step's noisy sum to each canary's ``scores``, [m]; for ``train(watch=...)``."""
        self.scores += total[self._size :].cpu().numpy()


def membership(member_losses: Sequence[float], other_losses: Sequence[float]) -> dict[str, float]:
    """Return how well low losses tell members: ``auc`` (0.5 is chance) and its two-sided p."""
    found = mannwhitneyu(other_losses, member_losses, alternative="two-sided")
    auc = found.statistic / (len(member_losses) * len(other_losses))
    return {"auc": float(auc), "p": float(found.pvalue)}
