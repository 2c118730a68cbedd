import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from phantomloom.privacy.mechanism import clip_factors, clipped_sum, noisy, unit_gradients
from phantomloom.privacy.sampling import virtual_batches

GRADIENTS = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("largest", [1, 2, 5, 100])
def test_a_units_gradient_is_the_sum_over_its_rows(largest):
    units = [np.array([0, 3, 4, 11]), np.array([2]), np.array([1, 5])]
    batches = virtual_batches(units, largest)
    got = torch.cat(list(unit_gradients(lambda rows: GRADIENTS[rows].clone(), batches)))
    expected = torch.stack([sum(GRADIENTS[row] for row in rows) for rows in units])
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("clipping", ["flat", "automatic"])
def test_the_clipped_sum_equals_a_loop(clipping):
    expected = np.zeros(5)
    for gradient in GRADIENTS.double().numpy():
        norm = math.sqrt(sum(value**2 for value in gradient))
        factor = min(1, 0.8 / norm) if clipping == "flat" else 0.8 / (norm + 0.01)
        expected += factor * gradient
    got, shrunk = clipped_sum(GRADIENTS, 0.8, clipping)
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert shrunk.all()


def test_those_are_told_whose_gradient_shrank():
    sizes = torch.tensor([0.1, 0.9, 1.1, 5.0])
    gradients = sizes[:, None] * torch.nn.functional.normalize(GRADIENTS[:4])
    assert clipped_sum(gradients, 1.0, "flat")[1].tolist() == [False, False, True, True]


@pytest.mark.parametrize("clipping", ["flat", "automatic"])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_no_unit_counts_for_more_than_the_clip_norm(clipping, size):
    """Leave each out in turn: the sum moves by at most the clip norm, in exact arithmetic."""
    gradients = size * torch.randn(50, 20_000, generator=torch.Generator().manual_seed(1))
    for gradient in gradients:
        assert float(clipped_sum(gradient[None], 0.3, clipping)[0].norm()) <= 0.3


def test_a_gradient_that_is_not_finite_counts_nothing():
    broken = GRADIENTS.clone()
    broken[3, 1], broken[7, 0] = torch.nan, torch.inf
    kept = [i for i in range(12) if i not in (3, 7)]
    expected, _ = clipped_sum(GRADIENTS[kept], 1.0, "flat")
    torch.testing.assert_close(clipped_sum(broken, 1.0, "flat")[0], expected)


def test_a_gradient_of_zero_stays_zero():
    assert clipped_sum(torch.zeros(2, 3), 1.0, "flat")[0].tolist() == [0, 0, 0]


def test_an_unknown_clipping_is_named():
    with pytest.raises(ValueError, match="clipping is flat or automatic, not 'ghost'"):
        clip_factors(torch.ones(1), 1.0, "ghost")


@pytest.mark.parametrize("seed", [3, None])
def test_noise_is_gaussian_with_the_deviation_asked_for(seed):
    total = torch.full((20_000,), 5.0, dtype=torch.float64)
    noise = (noisy(total, 2.5, seed, 0) - total).numpy()
    assert kstest(noise / 2.5, "norm").pvalue > 1e-4


def test_a_seed_repeats_noise_and_a_release_never_does():
    total = torch.zeros(50, dtype=torch.float64)
    assert torch.equal(noisy(total, 1.0, 3, 9), noisy(total, 1.0, 3, 9))
    assert not torch.equal(noisy(total, 1.0, 3, 9), noisy(total, 1.0, 3, 10))
    assert not torch.equal(noisy(total, 1.0, None, 9), noisy(total, 1.0, None, 9))


def test_what_a_release_shows_lies_on_a_grid_that_data_do_not_shift():
    total = torch.rand(100, dtype=torch.float64)
    steps = noisy(total, 3.0, None, 0) * 2.0**19
    assert torch.equal(steps, steps.round())


def test_no_deviation_is_no_noise():
    assert torch.equal(noisy(GRADIENTS[0], 0.0, None, 0), GRADIENTS[0])
