"""The bound against known figures and enumeration; runs that leak and runs that keep their word."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from phantomloom.privacy import audit
from phantomloom.privacy import head as heads
from phantomloom.privacy.accountant import noise_multiplier
from phantomloom.privacy.head import Cached, Head
from phantomloom.privacy.training import Plan, train

REAL, CANARIES, DELTA = 100, 1000, 1e-4


def test_the_bound_is_the_published_one():
    assert audit.epsilon_bound(1000, 100, 75, 1e-5, 0.95) == pytest.approx(0.699, abs=1e-3)
    assert audit.epsilon_bound(1000, 100, 100, 1e-5, 0.95) == pytest.approx(3.47, abs=0.01)
    assert audit.epsilon_bound(1000, 1000, 1000, 0, 0.95) == pytest.approx(5.8, abs=0.05)
    assert audit.epsilon_bound(1000, 100, 50, 1e-5, 0.95) == 0


def test_without_delta_perfect_guesses_have_a_closed_form():
    """All of r right has probability (e^epsilon / (1 + e^epsilon))^r."""
    right = 0.05 ** (1 / 40)
    bound = audit.epsilon_bound(40, 40, 40, 0, 0.95)
    assert bound == pytest.approx(math.log(right / (1 - right)), abs=1e-5)


def test_the_p_value_equals_an_enumeration_of_all_guesses():
    guesses, epsilon, delta, canaries = 6, 0.8, 0.01, 9
    right = math.exp(epsilon) / (1 + math.exp(epsilon))
    chance = [0.0] * (guesses + 1)
    for outcome in product((0, 1), repeat=guesses):
        hits = sum(outcome)
        chance[hits] += right**hits * (1 - right) ** (guesses - hits)
    for correct in range(guesses + 1):
        steps = (sum(chance[correct - i : correct]) / i for i in range(1, correct + 1))
        expected = sum(chance[correct:]) + 2 * canaries * delta * max(steps, default=0)
        got = audit.p_value(canaries, guesses, correct, epsilon, delta)
        assert got == pytest.approx(min(1, expected))


def test_guesses_go_to_the_highest_and_the_lowest_scores():
    scores = np.array([5.0, 1, 4, 2, 3, 0])
    included = np.array([True, False, False, False, True, True])
    assert audit.audit(scores, included, 4, 0, 0.95)[:3] == (6, 4, 2)
    for guesses in (3, 0, 8):
        with pytest.raises(ValueError, match="guesses is even and at most 6"):
            audit.audit(scores, included, guesses, 0, 0.95)


def test_the_membership_attack_counts_pairs():
    found = audit.membership([1.0, 2.0, 2.5], [3.0, 2.0])
    assert found["auc"] == pytest.approx((3 + 1 + 0.5 + 0) / 6)
    assert audit.membership(range(50), range(50))["p"] == pytest.approx(1)


def real_learner(rows, targets, width):
    vectors = torch.randn(rows, width, generator=torch.Generator().manual_seed(0))
    offset = torch.zeros(targets.shape)
    data = Cached(vectors, np.ones(rows, int), torch.zeros(rows, 0), offset)
    return heads.learner(Head(width, targets.shape[1], "logsumexp"), data, targets)


def gradient_audit(folder, noise, clip=1.0):
    inner = real_learner(REAL, torch.ones(REAL, 2), 4)
    learner = audit.GradientCanaries(inner, REAL, CANARIES, clip)
    included = audit.coins(CANARIES, 3)
    rows = [*range(REAL), *(REAL + np.flatnonzero(included))]
    plan = Plan(10, 1, clip, noise, 0.1, clipping="flat", seed=1, rows_at_once=200)
    train(learner, [np.array([row]) for row in rows], plan, folder, watch=learner.watch)
    return audit.audit(learner.scores, included, 200, DELTA, 0.95)


def test_a_run_without_noise_is_caught(tmp_path):
    assert gradient_audit(tmp_path, 0.0).epsilon > 3


@pytest.mark.parametrize("epsilon", [0.1, 1, 8])
def test_a_private_run_is_never_found_above_its_epsilon(tmp_path, epsilon):
    found = gradient_audit(tmp_path, noise_multiplier(epsilon, DELTA, 1, 10))
    assert found.epsilon <= epsilon
    assert epsilon < 8 or found.epsilon > 1  # and the attack is a strong one


def test_wrong_labels_are_learnt_without_noise_and_seen_in_the_loss(tmp_path):
    rows, canaries = np.arange(300), np.arange(100, 300)
    targets = audit.mislabelled(torch.ones(300, 6), canaries, 4)
    assert torch.equal(targets[:100], torch.ones(100, 6))
    assert 0.4 < float(targets[100:].mean()) < 0.6
    learner, included = real_learner(300, targets, 250), audit.coins(200, 3)
    before = learner.losses(canaries)
    units = [np.array([row]) for row in [*rows[:100], *canaries[included]]]
    plan = Plan(30, 1, 1.0, 0.0, 20.0, seed=1, rows_at_once=400)
    train(learner, units, plan, tmp_path)
    scores = (before - learner.losses(canaries)).numpy()
    assert audit.audit(scores, included, 60, DELTA, 0.95).epsilon > 2
    assert audit.membership(-scores[included], -scores[~included])["auc"] > 0.9
