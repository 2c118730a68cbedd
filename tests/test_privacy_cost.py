"""What the figures of a step's cost are made of, and that every way makes the same step."""

from time import sleep

import numpy as np
import pytest
import torch

from phantomloom.privacy import cost, models, rivals, verification
from phantomloom.privacy.sampling import poisson

MEGABYTES = 200


@pytest.fixture
def small():
    return cost.learner(models.fresh("minilm", vocabulary=50, seed=1), reports=4, tokens=6)


def test_growth_is_what_a_step_takes_and_gives_back():
    kept = np.ones(MEGABYTES * 125_000)  # is there before, so it does not count
    grown = cost.growth_mb(lambda: np.ones(MEGABYTES * 125_000).sum())
    assert grown == pytest.approx(MEGABYTES, rel=0.1)
    assert kept.nbytes == MEGABYTES * 1_000_000


def test_time_is_that_of_the_processor_alone():
    assert rivals.timed(lambda: sleep(0.2)) < 0.1


def test_ratios_are_taken_turn_by_turn():
    spent = {"plain": [1.0, 2.0, 1.0], "private": [1.1, 2.2, 1.5], "dptrainer": [2.0, 4.0, 2.0]}
    rows = {row.figure: row for row in cost._rows("time", "s", spent, 1.15)}
    ratio = rows["private step over plain step: time"]
    assert (ratio.value, ratio.target) == (pytest.approx(1.1), 1.15)
    assert ratio.against == "median of 3 turns, 1.1 to 1.5"
    assert rows["private step over dptrainer step: time"].target == 1.0
    assert rows["step of 32 x 128 tokens, private: time"].value == 1.5


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("name", ["plain", "private", "opacus"])
def test_every_way_moves_the_same_parameters(small, monkeypatch, name):
    monkeypatch.setattr(rivals, "NOISE", 0.0)
    monkeypatch.setattr(cost, "NOISE", 0.0)
    before = small.parameters()
    assert cost.ways()[name](small)() > 0
    moved = (small.parameters() - before).abs()
    assert float(moved.max()) == pytest.approx(rivals.LEARNING_RATE, rel=1e-3)  # Adam's first step
    # where gradients of reports cancel, clipping them one by one leaves the rounding of the sum
    least = 1e-3 * rivals.LEARNING_RATE
    assert torch.equal(moved > least, cost_of_plain() > least)


def cost_of_plain():
    """Which parameters a step without privacy moves: at first B of the adapters and the head."""
    its = cost.learner(models.fresh("minilm", vocabulary=50, seed=1), reports=4, tokens=6)
    before = its.parameters()
    cost.plain(its)()
    return (its.parameters() - before).abs()


def test_gradients_made_together_are_those_made_one_by_one(small):
    row = verification.of_gradients(small, np.arange(4))
    assert 0 <= row.value < 1e-5
    assert not row.falls_short


def test_gradients_that_belong_to_other_reports_are_noticed(small, monkeypatch):
    true = small.gradients
    monkeypatch.setattr(small, "gradients", lambda rows: true(rows[::-1].copy()))
    assert verification.of_gradients(small, np.arange(4)).falls_short


def test_wrong_batch_sizes_fail_the_goodness_of_fit(monkeypatch):
    assert not verification.of_sampling(400).falls_short

    def always_as_many(units, rate, seed, step):
        return np.arange(round(units * rate))

    monkeypatch.setattr(verification, "poisson", always_as_many)
    assert verification.of_sampling(400).falls_short


def test_classes_hold_every_draw_and_all_probability():
    sizes = np.array([len(poisson(500, 0.1, 3, step)) for step in range(300)])
    found, expected = verification.classes(sizes, 500, 0.1)
    assert found.sum() == 300
    assert expected.sum() == pytest.approx(300)
    assert expected.min() >= 5
    low = int(found[0])
    assert low == (sizes <= np.sort(sizes)[low - 1]).sum()


def test_accounts_that_differ_from_known_figures_fall_short():
    assert not verification._spent(*verification.SPENT[0]).falls_short
    assert verification._spent(3000, 3, 1.0, 2.9).falls_short
    assert not verification._renyi().falls_short
