"""The paper's phases in images and steps, and how they shrink with the budget."""

from itertools import pairwise

import pytest

from phantomloom.gan import schedule
from phantomloom.gan.networks.progressive import width
from phantomloom.gan.schedule import Growth, Phase, factors, moments, paper_images
from phantomloom.gan.settings import Shape
from phantomloom.gan.variants import mask_embedding, modern, no_embedding

PAPER = mask_embedding.schedule(Shape(512, 3, 1), mask_embedding.DEFAULTS)


def test_the_sizes_double_from_8():
    assert [phase.size for phase in PAPER] == [8 * 2 ** (n - 1) for n in range(1, 8)]
    assert no_embedding.schedule(Shape(512, 3, 1), no_embedding.DEFAULTS) == PAPER


def test_the_epochs_and_batches_are_the_papers():
    """Epochs of 70,000 samples: fading and stable."""
    stated = {
        16: (40, 95, 128),
        32: (20, 60, 64),
        64: (10, 26, 32),
        128: (10, 26, 32),
        256: (10, 26, 32),
        512: (5, 30, 16),
    }
    for phase in PAPER[1:]:
        fading, stable, batch = stated[phase.size]
        assert phase.batch == batch
        assert phase.fading == fading * 70_000 / batch == 21_875
        assert phase.images == pytest.approx((fading + stable) * 70_000, abs=batch)


def test_every_fade_ends_after_20000_steps_of_5e_5():
    for phase in PAPER[1:]:
        assert phase.alpha_step == 5e-5
        assert phase.growth(0) == Growth(phase.size, 5e-5)
        assert phase.growth(9_999).alpha == pytest.approx(0.5)
        assert phase.growth(19_998).alpha < 1 - 2e-5
        assert phase.growth(20_000).alpha == 1
    assert PAPER[0].growth(0) == Growth(8, 1)


def test_the_totals_are_the_papers():
    epochs = 40 + 135 + 80 + 36 + 36 + 36 + 35  # the first 40, at 8 x 8, are ours
    assert paper_images(512) == mask_embedding.DEFAULTS.images == epochs * 70_000 == 27_860_000
    assert sum(phase.images for phase in PAPER) == pytest.approx(epochs * 70_000, abs=8)
    steps = [21_875, 73_828, 87_500, 78_750, 78_750, 78_750, 153_125]
    assert [phase.steps for phase in PAPER] == pytest.approx(steps, abs=1)


def test_learning_rates_rise_from_the_first_to_the_last_of_the_paper():
    rates = [phase.learning_rate for phase in PAPER]
    assert rates[0] == 1e-3
    assert rates[-1] == pytest.approx(1.85e-3)
    ratios = [b / a for a, b in pairwise(rates)]
    assert ratios == pytest.approx([1.85 ** (1 / 6)] * 6)


def test_the_papers_run_has_no_factors_but_1():
    assert factors(512, mask_embedding.DEFAULTS) == (1, 1, 1)


@pytest.mark.parametrize(
    "size, budget, batch", [(64, 200_000, 128), (64, 60_000, 16), (32, 8e3, 8)]
)
def test_a_shorter_run_keeps_the_shares_of_its_phases(size, budget, batch):
    settings = mask_embedding.DEFAULTS._replace(images=int(budget), batch=batch, features=64)
    phases = mask_embedding.schedule(Shape(size, 1, 3), settings)
    factor = budget / paper_images(size)
    assert factors(size, settings) == pytest.approx((factor, 64 / 512, 1 / factor))
    assert sum(phase.images for phase in phases) == pytest.approx(budget, abs=batch / 2)
    for phase, paper in zip(phases, PAPER, strict=False):
        assert phase.batch == paper.batch * batch / 128
        assert phase.images == pytest.approx(factor * paper.images, abs=1.5 * phase.batch)
        assert phase.learning_rate == paper.learning_rate
        if phase.fading:  # alpha gets where the paper's gets, after the same share of images
            reached = phase.fading * phase.alpha_step
            assert reached == pytest.approx(21_875 * 5e-5, abs=phase.alpha_step)


def test_a_fixed_size_is_one_phase_that_is_grown():
    settings = modern.DEFAULTS._replace(images=1_000, batch=32)
    assert modern.schedule(Shape(64, 1, 3), settings) == (Phase(64, 32, 0, 31, 1, 1e-3),)
    (phase,) = modern.schedule(Shape(64, 1, 3), settings._replace(images=1))
    assert (phase.steps, phase.growth(0)) == (1, Growth(64, 1))


def test_moments_walk_through_all_phases_and_from_any_step():
    phases = (Phase(8, 4, 0, 3, 1, 1e-3), Phase(16, 2, 2, 4, 0.4, 1e-3))
    every = list(moments(phases))
    assert [m.step for m in every] == list(range(7))
    assert [m.shown for m in every] == [0, 4, 8, 12, 14, 16, 18]
    assert [m.growth for m in every[2:6]] == [(8, 1), (16, 0.4), (16, 0.8), (16, 1)]
    assert [m.last for m in every] == [False] * 6 + [True]
    for start in range(8):
        assert list(moments(phases, start)) == every[start:]


def test_features_of_a_layer_halve_above_32():
    sizes = [4, 8, 16, 32, 64, 128, 256, 512]
    assert [width(512, size) for size in sizes] == [512, 512, 512, 512, 256, 128, 64, 32]
    assert [width(64, size) for size in sizes] == [64, 64, 64, 64, 32, 16, 8, 4]
    assert schedule.FEATURES == 512
