"""Whether gradients, accounting and sampling agree with known figures and with other ways."""

import numpy as np
import torch
from opacus.accountants import RDPAccountant
from scipy.stats import binom, chisquare

from phantomloom.benchmark import Row
from phantomloom.privacy.accountant import (
    ORDERS,
    Phase,
    default_delta,
    epsilon_pld,
    epsilon_prv,
    epsilon_rdp,
    noise_multiplier,
)
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.sampling import poisson

SPENT = ((3000, 3, 1.0, 2.98), (10000, 10, 1.0, 2.90), (45000, 10, 0.8, 2.31))
CALIBRATED = ((0.01, 80.5), (0.1, 11.98), (1, 1.88), (10, 0.577))
BATCH, REPORTS, STEPS, DELTA = 256, 3000, 35, 1.5e-4  # of CALIBRATED
MOVED = 0.05  # standard deviation of a parameter's move
LEAST_EXPECTED = 10  # draws in a class of the goodness of fit


def of_gradients(learner: Learner, rows: np.ndarray) -> Row:
    """Return the row of gradients made together against one backward pass for each of ``rows``.

    The learner is moved a little from its start, where half of an adapter's gradient is 0.
    """
    start = learner.parameters()
    learner.load(
        start + MOVED * torch.randn(start.shape, generator=torch.Generator().manual_seed(0))
    )
    together, _ = learner.gradients(rows)
    each = torch.stack([learner.total(rows[i : i + 1])[0] for i in range(len(rows))])
    off = (together - each).norm(dim=1) / each.norm(dim=1)
    against = f"one by one by autograd, {len(rows)} reports, {each.shape[1]} parameters"
    return Row("per-sample gradients: off", float(off.max()), "", 1e-5, "lower", against)


def of_accounting() -> list[Row]:
    """Return rows of epsilon and noise against known figures and against Opacus."""
    rows = [_spent(*known) for known in SPENT]
    for epsilon, known in CALIBRATED:
        noise = noise_multiplier(epsilon, DELTA, BATCH / REPORTS, STEPS)
        ledger = (Phase(BATCH / REPORTS, noise, STEPS),)
        title = f"noise for epsilon {epsilon:g}"
        kept = epsilon_pld(ledger, DELTA) / epsilon
        rows += [
            Row(f"{title}: off", abs(noise / known - 1), "", 0.003, "lower", f"known is {known}"),
            Row(f"{title}: epsilon spent", kept, "of it", 1.0, "lower", "PLD"),
            Row(
                f"{title}: epsilon by PRV off",
                *(abs(epsilon_prv(ledger, DELTA) / epsilon - 1), "", 0.05, "lower", "Opacus"),
            ),
        ]
    return [*rows, _renyi()]


def of_sampling(draws: int = 2000, units: int = 3000, seed: int = 1) -> Row:
    """Return the row of realised batch sizes against the binomial distribution, chi-square."""
    rate = BATCH / units
    sizes = [len(poisson(units, rate, seed, step)) for step in range(draws)]
    observed, expected = classes(np.array(sizes), units, rate)
    p = float(chisquare(observed, expected).pvalue)
    against = f"binomial, chi-square of {len(observed)} classes of {draws} batches"
    return Row("sizes of Poisson batches: goodness of fit", p, "p", 0.01, "higher", against)


def classes(sizes: np.ndarray, units: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of ``sizes`` fall, and should fall, in classes of like probability."""
    wanted = len(sizes) // (2 * LEAST_EXPECTED)
    edges = np.unique(binom.ppf(np.linspace(0, 1, wanted + 1)[1:-1], units, rate))
    share = np.diff(np.concatenate([[0], binom.cdf(edges, units, rate), [1]]))
    found = np.bincount(np.searchsorted(edges, sizes), minlength=len(share))
    return found, len(sizes) * share


def _spent(units: int, epochs: int, noise: float, known: float) -> Row:
    ledger = (Phase(BATCH / units, noise, int(epochs * units / BATCH)),)
    found = epsilon_pld(ledger, default_delta(units))
    title = f"epsilon of {units} units, {epochs} epochs, noise {noise:g}: off"
    return Row(title, abs(found - known), "", 0.006, "lower", f"known is {known} by PLD")


def _renyi() -> Row:
    """The same orders in two libraries, where neither is at its limits."""
    noise = noise_multiplier(1, DELTA, BATCH / REPORTS, STEPS)
    other = RDPAccountant()
    other.history = [(noise, BATCH / REPORTS, STEPS)]
    ours = epsilon_rdp((Phase(BATCH / REPORTS, noise, STEPS),), DELTA)
    off = abs(ours / other.get_epsilon(DELTA, alphas=ORDERS) - 1)
    return Row("epsilon 1 by RDP: off", float(off), "", 0.01, "lower", "Opacus, the same orders")
