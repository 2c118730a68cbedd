"""Losses against closed forms of linear and quadratic critics."""

import pytest
import torch
from torch.nn.functional import softplus

from phantomloom.gan import losses
from phantomloom.gan.schedule import Growth
from phantomloom.gan.variants import mask_embedding, modern

ROWS, PIXELS = 6, 2 * 4 * 4
DRAW = torch.Generator().manual_seed(0)
REAL, FAKE = torch.randn(2, ROWS, 2, 4, 4, generator=DRAW)
MASKS = torch.rand(ROWS, 1, 4, 4, generator=DRAW)
SLOPE = torch.randn(2, 4, 4, generator=DRAW)


def linear(images, masks, growth=None):
    return (images * SLOPE).sum((1, 2, 3)) + masks.sum((1, 2, 3))


def quadratic(images, masks, growth=None):
    return masks.mean((1, 2, 3)) * images.square().sum((1, 2, 3)) / 2


def draw():
    return torch.Generator().manual_seed(3)


def test_the_gradient_penalty_of_a_linear_critic_is_that_of_its_slope():
    found = losses.wasserstein_critic(linear, FAKE, REAL, MASKS, 10, 0, draw())
    penalty = 10 * (SLOPE.norm() - 1) ** 2
    distance = linear(FAKE, MASKS).mean() - linear(REAL, MASKS).mean()
    torch.testing.assert_close(found.penalty, penalty)
    torch.testing.assert_close(found.total, distance + penalty)


def test_the_gradient_penalty_is_taken_between_a_real_and_a_generated_image():
    """The slope of the quadratic critic is the image times its mask's mean."""
    found = losses.wasserstein_critic(quadratic, FAKE, REAL, MASKS, 1, 0, draw())
    share = torch.rand(ROWS, 1, 1, 1, generator=draw())
    mixed = (1 - share) * REAL + share * FAKE
    norms = MASKS.mean((1, 2, 3)) * mixed.flatten(1).norm(dim=1)
    torch.testing.assert_close(found.penalty, (norms - 1).square().mean())


def test_the_drift_is_of_real_scores():
    with_drift = losses.wasserstein_critic(linear, FAKE, REAL, MASKS, 10, 0.5, draw())
    without = losses.wasserstein_critic(linear, FAKE, REAL, MASKS, 10, 0, draw())
    expected = 0.5 * linear(REAL, MASKS).square().mean()
    torch.testing.assert_close(with_drift.total - without.total, expected)


@pytest.mark.parametrize("share, rows", [(1.0, 6), (0.5, 3), (0.01, 1)])
def test_r1_and_r2_of_a_quadratic_critic_are_squared_norms_of_the_images(share, rows):
    found = losses.relativistic_critic(quadratic, FAKE, REAL, MASKS, 0.3, share)
    weight = MASKS.mean((1, 2, 3)).square()
    r1, r2 = (weight * images.square().sum((1, 2, 3)) for images in (REAL, FAKE))
    expected = 0.3 / 2 * (r1[:rows].mean() + r2[:rows].mean())
    torch.testing.assert_close(found.penalty, expected)
    gap = quadratic(FAKE, MASKS) - quadratic(REAL, MASKS)
    torch.testing.assert_close(found.total - found.penalty, softplus(gap).mean())


def test_critic_and_generator_of_a_pair_want_opposites():
    gap = linear(FAKE, MASKS) - linear(REAL, MASKS)
    loss = losses.relativistic_generator(linear, FAKE, REAL, MASKS)
    torch.testing.assert_close(loss, torch.log1p(torch.exp(-gap)).mean())


def test_the_critic_learns_through_its_penalty():
    """d/da of (a |s| - 1)^2 at a = 1 for a critic of slope a s."""
    scale = torch.ones((), requires_grad=True)
    found = losses.wasserstein_critic(
        lambda images, masks: scale * linear(images, 0 * masks), FAKE, REAL, MASKS, 1, 0, draw()
    )
    (slope,) = torch.autograd.grad(found.penalty, scale)
    torch.testing.assert_close(slope, 2 * (SLOPE.norm() - 1) * SLOPE.norm())


def test_the_variants_use_the_papers_weights():
    settings = mask_embedding.DEFAULTS
    assert (settings.penalty, mask_embedding.DRIFT) == (10, 1e-4)
    found = mask_embedding.critic_loss(linear, FAKE, REAL, MASKS, Growth(8), settings, draw())
    expected = losses.wasserstein_critic(linear, FAKE, REAL, MASKS, 10, 1e-4, draw())
    assert found == expected
    generator_loss = mask_embedding.generator_loss(linear, FAKE, REAL, MASKS, Growth(8))
    torch.testing.assert_close(generator_loss, -linear(FAKE, MASKS).mean())
    mean = modern.DEFAULTS._replace(penalty=0.2, penalty_share=1.0)
    found = modern.critic_loss(quadratic, FAKE, REAL, MASKS, Growth(8), mean, draw())
    assert found == losses.relativistic_critic(quadratic, FAKE, REAL, MASKS, 0.2, 1.0)
