"""How much privacy a run spends: epsilon by three accountants, noise that keeps to a budget.

Two neighbouring data sets differ by one unit added or removed; each step adds Gaussian noise to a
sum over a Poisson sample of the units. The number of units is taken as public.
PLD: Koskela et al. 2020 and Doroshenko et al. 2022, by dp-accounting; it rounds upwards.
PRV: Gopi et al. 2021, by Opacus. RDP: Mironov 2017 and 2019, by dp-accounting.
Full batches need none of them: their composition is one Gaussian mechanism, whose epsilon is exact
(Balle and Wang 2018).
"""

import math
import warnings
from bisect import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from dp_accounting import (
    ComposedDpEvent,
    DpEvent,
    GaussianDpEvent,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.dp_event import MixtureOfGaussiansDpEvent
from dp_accounting.gaussian_mechanism import get_epsilon_gaussian, get_sigma_gaussian
from dp_accounting.mechanism_calibration import LowerEndpointAndGuess, calibrate_dp_mechanism
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from opacus.accountants import PRVAccountant
from scipy.stats import binom

# Small budgets have their optimum at orders of hundreds, where the usual lists end at 63. Orders
# below 2 do not converge at the little noise of large budgets.
ORDERS = [*np.arange(2, 12, 0.25), *range(12, 64), *np.geomspace(64, 10_000, 30).astype(int)]
PRV_SHARE = 1 / 50  # of epsilon, as PRV's error; Opacus takes 0.01 whatever epsilon is
LEAST_NOISE = 0.2  # noise multiplier under which nobody should call a run private
GROUP_MESH = 1e-2  # of privacy losses of groups at most; 1e-3 took a minute and gained 0.1 %


class Phase(NamedTuple):
    """So many steps at one sampling rate and one noise (standard deviation over the clip norm)."""

    rate: float
    noise_multiplier: float
    steps: int


Ledger = tuple[Phase, ...]


def default_delta(units: int) -> float:
    """Return the chance of failure for so many units, N^-1.1."""
    return units**-1.1


def charge(ledger: Ledger, rate: float, noise_multiplier: float, steps: int = 1) -> Ledger:
    """Return the ledger after more steps; equal phases in a row become one."""
    if not 0 < rate <= 1 or noise_multiplier < 0 or steps < 0:
        raise ValueError(
            f"a phase has a rate in (0, 1], noise and steps that are not negative: got rate {rate},"
            f" noise_multiplier {noise_multiplier}, steps {steps}"
        )
    if ledger and ledger[-1][:2] == (rate, noise_multiplier):
        return (*ledger[:-1], ledger[-1]._replace(steps=ledger[-1].steps + steps))
    return (*ledger, Phase(rate, noise_multiplier, steps)) if steps else ledger


def epsilons(ledger: Ledger, delta: float) -> dict[str, float]:
    """Return epsilon by ``pld``, ``prv`` and ``rdp``; the first is the one to state."""
    return {
        "pld": epsilon_pld(ledger, delta),
        "prv": epsilon_prv(ledger, delta),
        "rdp": epsilon_rdp(ledger, delta),
    }


def epsilon_pld(ledger: Ledger, delta: float) -> float:
    """Return epsilon by privacy loss distributions; exact if all batches are full."""
    if (trivial := _trivial(ledger)) is not None:
        return trivial
    if all(phase.rate == 1 for phase in ledger):
        return get_epsilon_gaussian(1 / _total_mu(ledger), delta)
    event = _event(ledger)
    rough = _pld(1e-3).compose(event).get_epsilon(delta)
    return min(rough, _pld(_interval(rough)).compose(event).get_epsilon(delta))


def epsilon_of_group(ledger: Ledger, delta: float, size: int) -> float:
    """Return epsilon by PLD of ``size`` units that come and go together, as a patient's reports.

    As many as the sample has of them move the sum, at worst all the same way: a mixture of
    Gaussians (Ganesh 2024, arXiv 2401.10294). Exact if all batches are full.
    """
    if (trivial := _trivial(ledger)) is not None:
        return trivial
    if all(phase.rate == 1 for phase in ledger):
        return get_epsilon_gaussian(1 / (size * _total_mu(ledger)), delta)
    moves = range(size + 1)
    event = ComposedDpEvent(
        [
            SelfComposedDpEvent(
                MixtureOfGaussiansDpEvent(noise, moves, binom.pmf(moves, size, rate)), steps
            )
            for rate, noise, steps in ledger
        ]
    )
    mesh = min(epsilon_pld(ledger, delta) / 100, GROUP_MESH)
    return _pld(mesh).compose(event).get_epsilon(delta)


def epsilon_prv(ledger: Ledger, delta: float) -> float:
    """Return epsilon by privacy loss random variables: an upper bound within 4 % of PLD."""
    if (trivial := _trivial(ledger)) is not None:
        return trivial
    accountant = PRVAccountant()
    accountant.history = [(noise, rate, steps) for rate, noise, steps in ledger]
    error = PRV_SHARE * epsilon_pld(ledger, delta)
    with warnings.catch_warnings(), np.errstate(divide="ignore"):  # log 0 at rate 1 is meant
        warnings.filterwarnings("ignore", "Optimal order is the largest alpha")  # of a first guess
        return float(accountant.get_epsilon(delta, eps_error=error))


def epsilon_rdp(ledger: Ledger, delta: float) -> float:
    """Return epsilon by Renyi divergences, 10 to 55 % above PLD."""
    if (trivial := _trivial(ledger)) is not None:
        return trivial
    return float(RdpAccountant(ORDERS).compose(_event(ledger)).get_epsilon(delta))


def noise_multiplier(
    epsilon: float, delta: float, rate: float, steps: int, spent: Ledger = ()
) -> float:
    """Return the least noise with which ``steps`` more steps keep within ``epsilon``, by PLD.

    Of sampled batches it is LEAST_NOISE where less would do.

    Raises:
        ValueError: if ``spent`` alone reaches ``epsilon``, or the budget is no number.
    """
    if not 0 < epsilon < math.inf or not 0 < delta < 1 or steps < 1:
        raise ValueError(
            f"calibration needs a finite epsilon above 0, a delta in (0, 1) and a step: got epsilon"
            f" {epsilon}, delta {delta}, steps {steps}"
        )
    if (used := epsilon_pld(spent, delta)) >= epsilon:
        raise ValueError(f"epsilon {used:.3g} of {epsilon:g} is spent: there is no budget left")
    gaussian = get_sigma_gaussian(epsilon, delta)
    if rate == 1 and all(phase.rate == 1 for phase in spent):
        left = gaussian**-2 - (_total_mu(spent) ** 2 if spent else 0)
        return math.sqrt(steps / left) * (1 + 1e-9)
    least = max(rate * math.sqrt(steps) * gaussian / 3, LEAST_NOISE)
    if least == LEAST_NOISE and epsilon_pld(charge(spent, rate, least, steps), delta) <= epsilon:
        return least
    found = calibrate_dp_mechanism(
        lambda: _pld(_interval(epsilon)),
        lambda noise: _event(charge(spent, rate, noise, steps)),
        epsilon,
        delta,
        LowerEndpointAndGuess(least, 3 * least),
        tol=1e-4 * least,
    )
    while epsilon_pld(charge(spent, rate, found, steps), delta) > epsilon:  # by another mesh
        found *= 1 + 1e-4
    return found


def affordable_steps(
    limit: int, epsilon: float, delta: float, rate: float, noise: float, spent: Ledger = ()
) -> int:
    """Return how many of ``limit`` more steps keep within ``epsilon``."""

    def after(steps: int) -> float:
        return epsilon_pld(charge(spent, rate, noise, steps), delta)

    return limit if after(limit) <= epsilon else bisect(range(1, limit + 1), epsilon, key=after)


def _trivial(ledger: Ledger) -> float | None:
    """Return 0 for nothing done, infinity for a step without noise, None for the rest."""
    if not ledger:
        return 0.0
    return math.inf if any(phase.noise_multiplier == 0 for phase in ledger) else None


def _total_mu(ledger: Sequence[Phase]) -> float:
    """Return sensitivity over noise of the one Gaussian mechanism that full batches compose to."""
    return math.sqrt(sum(steps / noise**2 for _, noise, steps in ledger))


def _event(ledger: Ledger) -> DpEvent:
    return ComposedDpEvent(
        [
            SelfComposedDpEvent(PoissonSampledDpEvent(rate, GaussianDpEvent(noise)), steps)
            for rate, noise, steps in ledger
        ]
    )


def _pld(interval: float) -> PLDAccountant:
    return PLDAccountant(value_discretization_interval=interval)


def _interval(epsilon: float) -> float:
    """Return the mesh of privacy losses: coarser than epsilon / 1000 would waste small budgets."""
    return min(max(epsilon / 1000, 1e-5), 1e-3)
