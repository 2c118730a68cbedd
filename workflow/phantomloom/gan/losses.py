"""What critics and generators minimise; a score takes images and masks and gives [B]."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

Score = Callable[[Tensor, Tensor], Tensor]  # images [B, C, r, r], masks [B, K, R, R] to [B]


class CriticLoss(NamedTuple):
    """What the critic minimises, and the part of it that is the penalty on its gradient."""

    total: Tensor
    penalty: Tensor


def wasserstein_critic(
    score: Score,
    fake: Tensor,
    real: Tensor,
    masks: Tensor,
    weight: float,
    drift: float,
    draw: torch.Generator,
) -> CriticLoss:
    """Return D(fake) - D(real) + weight (|grad D(mixed)| - 1)^2 + drift D(real)^2, means of each.

    Gulrajani et al. 2017 (arXiv 1704.00028), algorithm 1; the drift is of Karras et al. 2018
    (arXiv 1710.10196), appendix A.1. A real and a generated image that are mixed have one mask.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=draw).to(real)
    _, slope = with_slopes(score, torch.lerp(real, fake, share), masks)
    penalty = weight * ((slope + 1e-12).sqrt() - 1).square().mean()
    of_real, of_fake = score(real, masks).float(), score(fake, masks).float()
    total = of_fake.mean() - of_real.mean() + drift * of_real.square().mean()
    return CriticLoss(total + penalty, penalty)


def relativistic_critic(
    score: Score, fake: Tensor, real: Tensor, masks: Tensor, weight: float, share: float
) -> CriticLoss:
    """Return softplus(D(fake) - D(real)) + weight / 2 (R1 + R2), means of each.

    Huang et al. 2024, R3GAN (arXiv 2501.05441), section 2: R1 = |grad D(real)|^2 and
    R2 = |grad D(fake)|^2, here of the first ``share`` of the rows. These are drawn at random, so
    the mean has no bias; each row's score must depend on that row alone.
    """
    rows = max(1, round(share * len(real)))
    penalised = torch.cat([real[:rows], fake[:rows]])
    scores, slope = with_slopes(score, penalised, masks[:rows].repeat(2, 1, 1, 1))
    penalty = weight * slope.mean()  # twice the mean of R1 and R2, halved
    of_real, of_fake = scores.chunk(2)
    if rows < len(real):
        rest = torch.cat([real[rows:], fake[rows:]])
        more = score(rest, masks[rows:].repeat(2, 1, 1, 1)).float().chunk(2)
        of_real, of_fake = torch.cat([of_real, more[0]]), torch.cat([of_fake, more[1]])
    return CriticLoss(softplus(of_fake - of_real).mean() + penalty, penalty)


def relativistic_generator(score: Score, fake: Tensor, real: Tensor, masks: Tensor) -> Tensor:
    """Return the mean of softplus(D(real) - D(fake))."""
    return softplus(score(real, masks).float() - score(fake, masks).float()).mean()


def with_slopes(score: Score, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores, [B], and the squared norms of their gradients by the images, [B]."""
    images = images.detach().requires_grad_()
    scores = score(images, masks).float()
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return scores, gradient.float().square().sum((1, 2, 3))
