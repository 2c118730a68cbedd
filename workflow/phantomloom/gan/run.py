"""What a run is given, and what changes in it and is saved to go on from."""

import logging
from collections.abc import Callable, Iterable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from phantomloom.gan.losses import CriticLoss
from phantomloom.gan.pair import About
from phantomloom.gan.schedule import Phase
from phantomloom.gan.settings import Settings, Shape
from phantomloom.io import complete

said = logging.getLogger("phantomloom.gan")
RAMP = 0.05  # the mean's half-life is at most this part of what was shown (Karras et al. 2020)


class Data(Protocol):
    """What a run takes of its pairs; ``pairs.Pairs`` says more."""

    @property
    def names(self) -> tuple[str, ...]:
        """One of each pair."""

    @property
    def about(self) -> About:
        """What -1 and 1 and the classes stand for."""

    def digest(self) -> str:
        """Return a digest of all images and masks."""

    def scaled(self, rows: np.ndarray) -> Tensor:
        """Return images of ``rows``, float32 [B, C, R, R] in -1 to 1."""

    def one_hot(self, rows: np.ndarray) -> Tensor:
        """Return masks of ``rows``, float32 [B, K, R, R]."""


class Variant(Protocol):
    """A module of ``variants``; ``variants.mask_embedding`` says what each function returns."""

    LEAST_PART: int  # images that the critic must see together
    generator: Callable[[Shape, Settings], nn.Module]
    critic: Callable[[Shape, Settings], nn.Module]
    critic_loss: Callable[..., CriticLoss]
    generator_loss: Callable[..., Tensor]
    optimiser: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
    schedule: Callable[[Shape, Settings], tuple[Phase, ...]]


class Task(NamedTuple):
    """What a run is given and does not change."""

    variant: Variant
    data: Data
    shape: Shape
    settings: Settings
    device: str


class Networks(NamedTuple):
    """What learns, and by what."""

    generator: nn.Module
    critic: nn.Module
    of_generator: torch.optim.Optimizer
    of_critic: torch.optim.Optimizer


class Run:
    """Networks, the running mean of the generator's weights, and how far the run is."""

    def __init__(self, task: Task):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.settings.seed)
            made = task.variant.generator, task.variant.critic
            generator, critic = (make(task.shape, task.settings) for make in made)
        for network in (generator, critic):  # convolutions are faster with channels last
            network.to(task.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimisers = (task.variant.optimiser(net.parameters()) for net in (generator, critic))
        self.networks = Networks(generator, critic, *optimisers)
        self.half_life = task.settings.average_images
        self.average = deepcopy(generator) if self.half_life else generator
        self.step = self.images = 0

    def count(self, images: int) -> None:
        """Note a step on so many images, and let the mean follow the weights."""
        self.step += 1
        self.images += images
        if self.half_life:
            half_life = min(self.half_life, RAMP * self.images)
            mean, now = (
                [value.detach() for value in network.parameters()]
                for network in (self.average, self.networks.generator)
            )
            torch._foreach_lerp_(mean, now, 1 - 0.5 ** (images / half_life))

    def save(self, state: Path) -> None:
        """Write all of it to ``state``."""
        content: dict[str, Any] = {"step": self.step, "images": self.images}
        content |= {name: part.state_dict() for name, part in self._parts().items()}
        with complete(state) as partial:
            torch.save(content, partial)

    def resume(self, state: Path) -> None:
        """Take all of it from ``state``, if there is one."""
        if not state.exists():
            return
        saved = torch.load(state, map_location="cpu", weights_only=True)
        self.step, self.images = saved["step"], saved["images"]
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        said.info("goes on after %d images from %s", self.images, state)

    def _parts(self) -> dict[str, Any]:
        parts = self.networks._asdict()
        return {**parts, "average": self.average} if self.half_life else parts


def shape_of(data: Data) -> Shape:
    """Return the shape of the images and masks of a data set."""
    first = np.arange(1)
    _, channels, size, _ = data.scaled(first).shape
    return Shape(size, channels, data.one_hot(first).shape[1])


def identity(name: str, data: Data, settings: Settings, code: str) -> str:
    """Return a digest of all that decides a run, every image and mask included."""
    kept = settings._replace(save_every_images=0, log_every_images=0)  # these decide nothing
    decisive = (name, kept, data.names, data.about, data.digest(), code)
    return sha256(repr(decisive).encode()).hexdigest()[:12]
