"""Diversity of draws: none for equal ones, none for noise, as much as the structure differs."""

import numpy as np
import pytest
import torch
from monai.metrics.regression import MultiScaleSSIMMetric, SSIMMetric
from skimage.metrics import structural_similarity

from phantomloom.gan.metrics.diversity import diversity, similarity


def ellipses(count, size=64, seed=0):
    """A body [count, 1, size, size] with an organ anywhere in it."""
    generator = np.random.default_rng(seed)
    rows, columns = np.indices((size, size)) / size - 0.5
    images = np.full((count, 1, size, size), -1.0, np.float32)
    images[:, :, (rows / 0.3) ** 2 + (columns / 0.42) ** 2 < 1] = 0
    for image, (row, column) in zip(
        images, generator.uniform(-0.15, 0.15, (count, 2)), strict=True
    ):
        image[0, (rows - row) ** 2 + (columns - column) ** 2 < 0.01] = 0.8
    return torch.from_numpy(images)


def noisy(images, amplitude, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return images + amplitude * torch.randn(images.shape, generator=draw)


def test_equal_draws_have_no_diversity():
    draws = ellipses(2)[:, None].expand(2, 4, 1, 64, 64)
    found = diversity(draws, ["a", "b"])
    assert found.unlikeness.value == pytest.approx(0, abs=1e-5)
    assert found.deviation.value == pytest.approx(0, abs=1e-6)


def test_noise_counts_little_beside_structure():
    same = noisy(ellipses(1)[None].expand(1, 4, 1, 64, 64), 0.015)
    other = ellipses(4)[None]
    noise, structure = diversity(same, ["a"]), diversity(other, ["a"])
    assert noise.unlikeness.value < 0.1 * structure.unlikeness.value
    assert noise.deviation.value < 0.12 * structure.deviation.value
    both = diversity(noisy(other, 0.015), ["a"])
    assert both.unlikeness.value == pytest.approx(structure.unlikeness.value, rel=0.1)


def test_deviation_of_noise_is_what_the_blur_leaves():
    """A Gaussian blur of sigma s leaves 1 / (2 sqrt(pi) s) of white noise."""
    draws = noisy(torch.zeros(3, 16, 1, 64, 64), 0.1)
    found = diversity(draws, list("abc"))
    assert found.deviation.value == pytest.approx(0.1 / (2 * np.pi**0.5), rel=0.03)


def test_similarity_is_that_of_scikit_image():
    first, second = ellipses(2)
    second = noisy(second, 0.1)
    whole = structural_similarity(
        first[0].numpy() + 1,
        second[0].numpy() + 1,
        data_range=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1]
    expected = whole[5:-5, 5:-5].mean()
    found = similarity(first[None], second[None], torch.ones(64, 64))
    assert float(found) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("size", "metric"), [(64, SSIMMetric), (176, MultiScaleSSIMMetric)])
def test_without_a_region_it_is_what_monai_computes(size, metric):
    first, second = ellipses(3, size), noisy(ellipses(3, size, seed=1), 0.2)
    expected = metric(2, 2.0)(first + 1, second + 1)[:, 0]
    whole = similarity(first, second, torch.ones(size, size))
    torch.testing.assert_close(whole, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [64, 192])
def test_inside_a_region_nothing_else_counts(size):
    draws = ellipses(3, size)[None]
    inside = np.zeros((1, size, size), bool)
    inside[:, size // 4 : -size // 4, size // 4 : -size // 4] = True
    other = draws.clone()
    other[..., :4, :] = torch.rand(1, 3, 1, 4, size)
    apart = [diversity(each, ["a"], inside) for each in (draws, other)]
    assert apart[1].unlikeness.value == pytest.approx(apart[0].unlikeness.value, rel=1e-3)
    assert apart[1].deviation.value == pytest.approx(apart[0].deviation.value, rel=1e-3)
    whole = diversity(draws, ["a"])
    assert apart[0].unlikeness.value > whole.unlikeness.value  # the air outside is always alike


def test_it_is_the_mean_over_all_pairs():
    draws = ellipses(3)
    pairs = [
        diversity(draws[[i, j]][None], ["a"]).unlikeness.value for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert diversity(draws[None], ["a"]).unlikeness.value == pytest.approx(np.mean(pairs), rel=1e-4)


def test_errors_are_over_patients():
    draws = torch.stack([ellipses(3, seed=s) for s in range(4)])
    each = [diversity(of_mask[None], ["a"]).unlikeness.value for of_mask in draws]
    found = diversity(draws, ["a", "a", "b", "b"]).unlikeness
    means = np.mean(each[:2]), np.mean(each[2:])
    assert found.value == pytest.approx(np.mean(means), rel=1e-5)
    assert found.error == pytest.approx(abs(means[0] - means[1]) / 2, rel=1e-3)
    assert diversity(draws, ["a"] * 4).unlikeness.error is None


def test_one_draw_is_refused():
    with pytest.raises(ValueError, match="two draws or more of each mask"):
        diversity(torch.zeros(3, 1, 1, 64, 64), list("abc"))
