"""Mask embedding on the practice of R3GAN (Huang et al. 2024, arXiv 2501.05441).

Networks: latent of 48 numbers of the mask and 464 of noise, and one more for each pixel as grain;
residual blocks without normalisation that see the mask at each size; a critic that sees image and
mask, and the mask's embedding at its end.
Loss: relativistic pairs, R1 on real and R2 on generated images of half the rows, one critic step
to a generator step.
Optimiser: Adam, betas 0 and .99, one learning rate.
Schedule: full size from the start, or sizes that grow as in ``mask_embedding``.
Beside it: running mean of the generator's weights (Karras et al. 2018), differentiable
augmentation (Zhao et al. 2020), bfloat16 where the device multiplies it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from phantomloom.gan import losses
from phantomloom.gan.losses import CriticLoss
from phantomloom.gan.networks.modern import Critic, Generator
from phantomloom.gan.schedule import Growth, Phase, fixed, growing
from phantomloom.gan.settings import Settings, Shape

EMBEDDING, NOISE = 48, 464
LEAST_PART = 1
DEFAULTS = Settings(
    images=1_000_000,
    features=64,
    batch=32,
    progressive=False,
    learning_rate=1e-3,
    penalty=1.0,
    penalty_share=0.5,
    average_images=10_000,
    augmentation=("translation", "cutout"),
    mixed_precision=True,
)


def generator(shape: Shape, settings: Settings) -> Generator:
    """Return the generator: masks [B, K, R, R], noise [B, 464 + R^2] and growth to images."""
    return Generator(shape, settings.features, EMBEDDING, NOISE)


def critic(shape: Shape, settings: Settings) -> Critic:
    """Return the critic: images, masks and growth to scores [B]."""
    return Critic(shape, settings.features)


def critic_loss(
    critic: nn.Module,
    fake: Tensor,
    real: Tensor,
    masks: Tensor,
    growth: Growth,
    settings: Settings,
    draw: torch.Generator,
) -> CriticLoss:
    """Return softplus(D(fake) - D(real)) with R1 and R2; rows are at random already."""

    def score(images: Tensor, masks: Tensor) -> Tensor:
        return critic(images, masks, growth)

    weight, share = settings.penalty, settings.penalty_share
    return losses.relativistic_critic(score, fake, real, masks, weight, share)


def generator_loss(
    critic: nn.Module, fake: Tensor, real: Tensor, masks: Tensor, growth: Growth
) -> Tensor:
    """Return softplus(D(real) - D(fake))."""
    return losses.relativistic_generator(
        lambda images, masks: critic(images, masks, growth), fake, real, masks
    )


def optimiser(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Adam; the phase sets its learning rate."""
    return torch.optim.Adam(parameters, betas=(0.0, 0.99), eps=1e-8, fused=True)


def schedule(shape: Shape, settings: Settings) -> tuple[Phase, ...]:
    """Return one phase at full size, or growing ones, shortened alike to the budget."""
    return (growing if settings.progressive else fixed)(shape.size, settings)
