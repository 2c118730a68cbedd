"""The baseline of Ren et al. 2019 (arXiv 1907.01710): the same, but no embedding of the mask.

Networks: latent of 512 numbers of noise; the mask encoder's features joined at each size, its
dense layers left out; at most 512 features; the critic sees image and mask.
Loss: WGAN-GP, lambda 10, drift 1e-4, one critic step to a generator step.
Optimiser: Adam, betas 0 and .99, learning rate 1e-3 at 8 x 8 to 1.85e-3 at 512 x 512.
Schedule: sizes grow from 8; see ``schedule`` for epochs, batches and increments of alpha.

Departures: those of ``mask_embedding`` that concern neither latent nor embedding.
"""

from phantomloom.gan.networks.progressive import Generator
from phantomloom.gan.settings import Settings, Shape
from phantomloom.gan.variants import mask_embedding

NOISE = mask_embedding.EMBEDDING + mask_embedding.NOISE
LEAST_PART = mask_embedding.LEAST_PART
DEFAULTS = mask_embedding.DEFAULTS


def generator(shape: Shape, settings: Settings) -> Generator:
    """Return the generator: masks [B, K, R, R], noise [B, 512] and growth to images."""
    return Generator(shape, settings.features, embedding=0, noise=NOISE)


critic = mask_embedding.critic
critic_loss = mask_embedding.critic_loss
generator_loss = mask_embedding.generator_loss
optimiser = mask_embedding.optimiser
schedule = mask_embedding.schedule
