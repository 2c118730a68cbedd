"""Ren et al. 2019, "Mask embedding in conditional GAN", arXiv 1907.01710.

Networks: latent of 48 numbers of the mask and 464 of noise before the first projection; the mask
encoder's features joined at each size; at most 512 features; the critic sees image and mask.
Loss: WGAN-GP, lambda 10, drift 1e-4, one critic step to a generator step.
Optimiser: Adam, betas 0 and .99, learning rate 1e-3 at 8 x 8 to 1.85e-3 at 512 x 512.
Schedule: sizes grow from 8; see ``schedule`` for epochs, batches and increments of alpha.

Departures and what the paper leaves open:
- the embedding is scaled to a mean square of 1; without, it drowned the noise;
- the dense layers of the encoder learn at a tenth of the rate; at all of it one short run of three
  never settled: its penalty stayed above 1;
- weights have the equalised learning rate of Karras et al., on whose networks the paper builds,
  and real images are faded with the newest block as there;
- no mask features are joined at 8 x 8, where the encoder, which ends at 16 x 16, has none;
- the phase at 8 x 8 has the epochs and the batch of the next fade.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from phantomloom.gan import losses
from phantomloom.gan.losses import CriticLoss
from phantomloom.gan.networks.progressive import Critic, Generator
from phantomloom.gan.schedule import (
    FEATURES,
    LEAST_BATCH,
    Growth,
    Phase,
    fixed,
    growing,
    paper_images,
)
from phantomloom.gan.settings import Settings, Shape

EMBEDDING, NOISE = 48, 464
DRIFT = 1e-4
LEAST_PART = LEAST_BATCH
DEFAULTS = Settings(
    images=paper_images(512),
    features=FEATURES,
    batch=128,
    progressive=True,
    learning_rate=1e-3,
    penalty=10.0,
)


def generator(shape: Shape, settings: Settings) -> Generator:
    """Return the generator: masks [B, K, R, R], noise [B, 464] and growth to images."""
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
    """Return the loss of WGAN-GP with drift."""

    def score(images: Tensor, masks: Tensor) -> Tensor:
        return critic(images, masks, growth)

    return losses.wasserstein_critic(score, fake, real, masks, settings.penalty, DRIFT, draw)


def generator_loss(
    critic: nn.Module, fake: Tensor, real: Tensor, masks: Tensor, growth: Growth
) -> Tensor:
    """Return the mean of -D(fake)."""
    return -critic(fake, masks, growth).float().mean()


def optimiser(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Adam; the phase sets its learning rate."""
    return torch.optim.Adam(parameters, betas=(0.0, 0.99), eps=1e-8, fused=True)


def schedule(shape: Shape, settings: Settings) -> tuple[Phase, ...]:
    """Return the paper's phases, shortened alike to the budget; or one at full size."""
    return (growing if settings.progressive else fixed)(shape.size, settings)
