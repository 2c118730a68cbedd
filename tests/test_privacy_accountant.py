"""Epsilon against known figures, the analytic Gaussian mechanism, one library by another."""

import math

import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution
from scipy.optimize import brentq
from scipy.stats import binom, norm

from phantomloom.privacy.accountant import (
    LEAST_NOISE,
    Phase,
    affordable_steps,
    charge,
    default_delta,
    epsilon_of_group,
    epsilon_pld,
    epsilon_prv,
    epsilon_rdp,
    noise_multiplier,
)

RATE, STEPS, DELTA = 256 / 3000, 35, 1.5e-4


def exact_epsilon(mu, delta):
    """Balle and Wang 2018, theorem 8, solved for epsilon."""

    def excess(epsilon):
        first = norm.cdf(mu / 2 - epsilon / mu)
        return first - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu) - delta

    return brentq(excess, 0, 50, xtol=1e-12)


@pytest.mark.parametrize(
    ("units", "epochs", "noise", "epsilon"),
    [(3000, 3, 1.0, 2.98), (10000, 10, 1.0, 2.90), (45000, 10, 0.8, 2.31)],
)
def test_epsilon_is_the_known_one(units, epochs, noise, epsilon):
    ledger = (Phase(256 / units, noise, int(epochs * units / 256)),)
    assert epsilon_pld(ledger, default_delta(units)) == pytest.approx(epsilon, abs=0.006)


@pytest.mark.parametrize(("epsilon", "noise"), [(0.01, 80.5), (0.1, 11.98), (1, 1.88)])
def test_calibrated_noise_is_the_known_one_and_keeps_the_budget(epsilon, noise):
    found = noise_multiplier(epsilon, DELTA, RATE, STEPS)
    assert found == pytest.approx(noise, rel=3e-3)
    assert 0.999 * epsilon < epsilon_pld((Phase(RATE, found, STEPS),), DELTA) <= epsilon


def test_a_large_budget_needs_little_noise():
    assert epsilon_pld((Phase(RATE, 0.577, STEPS),), DELTA) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize(("epsilon", "mu"), [(0.01, 0.0063), (0.1, 0.043), (1, 0.32), (10, 2.24)])
def test_full_batches_are_one_gaussian_mechanism(epsilon, mu):
    noise = noise_multiplier(epsilon, DELTA, 1, 20)
    assert math.sqrt(20) / noise == pytest.approx(mu, rel=0.02)
    assert exact_epsilon(math.sqrt(20) / noise, DELTA) == pytest.approx(epsilon, rel=1e-6)
    assert epsilon_pld((Phase(1, noise, 20),), DELTA) <= epsilon


def test_exact_epsilon_of_two_full_phases_equals_the_composed_distributions():
    ledger = (Phase(1, 20.0, 10), Phase(1, 8.0, 5))
    parts = [
        privacy_loss_distribution.from_gaussian_mechanism(noise).self_compose(steps)
        for _, noise, steps in ledger
    ]
    composed = parts[0].compose(parts[1]).get_epsilon_for_delta(1e-5)
    assert epsilon_pld(ledger, 1e-5) == pytest.approx(composed, rel=1e-3)


@pytest.mark.parametrize(
    "phase", [Phase(RATE, 80.5, STEPS), Phase(RATE, 1.88, STEPS), Phase(1, 942, 35)]
)
def test_the_three_accountants_agree_in_order(phase):
    epsilon = epsilon_pld((phase,), DELTA)
    assert epsilon < epsilon_prv((phase,), DELTA) < 1.05 * epsilon
    assert 1.05 * epsilon < epsilon_rdp((phase,), DELTA) < 1.55 * epsilon


def test_what_is_spent_before_is_counted():
    spent = (Phase(1, 20.0, 10),)
    found = noise_multiplier(1, 1e-4, 0.05, 50, spent)
    assert 0.999 < epsilon_pld((*spent, Phase(0.05, found, 50)), 1e-4) <= 1
    exact = noise_multiplier(1, 1e-4, 1, 7, spent)
    assert exact_epsilon(math.sqrt(10 / 400 + 7 / exact**2), 1e-4) == pytest.approx(1, rel=1e-6)
    with pytest.raises(ValueError, match="no budget left"):
        noise_multiplier(0.3, 1e-4, 0.05, 50, spent)


def test_steps_stop_where_the_next_would_pass_the_budget():
    steps = affordable_steps(10_000, 1, 1e-4, 1, 20.0)
    assert exact_epsilon(math.sqrt(steps) / 20, 1e-4) <= 1
    assert exact_epsilon(math.sqrt(steps + 1) / 20, 1e-4) > 1
    assert affordable_steps(3, 1, 1e-4, 1, 20.0) == 3
    assert affordable_steps(3, 1, 1e-4, 1, 20.0, (Phase(1, 1.0, 1),)) == 0


def test_little_noise_suffices_where_sampling_alone_hides_almost_everything():
    assert noise_multiplier(20, 50_000**-1.1, 16 / 50_000, 10) == LEAST_NOISE


@pytest.mark.parametrize("size", [2, 10])
def test_a_group_in_full_batches_moves_the_sum_so_many_times_as_far(size):
    ledger = (Phase(1, 20.0, 10), Phase(1, 30.0, 5))
    mu = size * math.sqrt(10 / 400 + 5 / 900)
    assert epsilon_of_group(ledger, 1e-5, size) == pytest.approx(exact_epsilon(mu, 1e-5), rel=1e-6)


def test_a_group_in_one_sampled_batch_is_a_mixture_of_gaussians():
    rate, noise, size, delta = 0.2, 1.5, 3, 1e-4
    x = np.linspace(-10, 20, 100_001)
    shares = binom.pmf(range(size + 1), size, rate)
    mixture = sum(share * norm.pdf(x, move, noise) for move, share in enumerate(shares))

    def excess(epsilon):
        gap = mixture - math.exp(epsilon) * norm.pdf(x, 0, noise)
        return np.trapezoid(gap.clip(min=0), x) - delta

    expected = brentq(excess, 0, 20, xtol=1e-6)
    found = epsilon_of_group((Phase(rate, noise, 1),), delta, size)
    assert expected <= found < 1.005 * expected
    assert found > epsilon_pld((Phase(rate, noise, 1),), delta)


def test_nothing_costs_nothing_and_a_step_without_noise_everything():
    assert epsilon_pld((), 1e-5) == epsilon_prv((), 1e-5) == epsilon_rdp((), 1e-5) == 0
    assert epsilon_pld((Phase(0.1, 0.0, 1), Phase(0.1, 9.0, 1)), 1e-5) == math.inf


def test_equal_steps_are_one_phase_and_impossible_ones_are_refused():
    ledger = charge(charge(charge((), 0.1, 2.0), 0.1, 2.0, 4), 0.1, 3.0)
    assert ledger == (Phase(0.1, 2.0, 5), Phase(0.1, 3.0, 1))
    assert charge((), 0.1, 2.0, 0) == ()
    for rate, noise in ((0, 1.0), (1.1, 1.0), (0.5, -1.0)):
        with pytest.raises(ValueError, match="a phase has a rate"):
            charge((), rate, noise)
    with pytest.raises(ValueError, match="finite epsilon"):
        noise_multiplier(math.inf, 1e-5, 0.1, 10)
