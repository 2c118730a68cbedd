"""A trained generator and its file."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from phantomloom.gan.pair import About
from phantomloom.gan.resolution import doubled
from phantomloom.gan.schedule import Growth
from phantomloom.gan.settings import Settings, Shape
from phantomloom.io import complete


class Trained(NamedTuple):
    """A generator of ``variant``, as far grown as ``growth`` says.

    about: what -1 and 1 and the classes of the masks stand for.
    """

    network: nn.Module
    variant: str
    shape: Shape
    settings: Settings
    growth: Growth
    about: About

    @property
    def noise_size(self) -> int:
        """How many numbers the noise of an image has."""
        return int(self.network.noise_size)  # type: ignore[arg-type]

    @property
    def grain_size(self) -> int:
        """How many of them, the last, stand for the noise of pixels."""
        return int(self.network.grain_size)  # type: ignore[arg-type]

    def sample(self, masks: Tensor, noise: Tensor) -> Tensor:
        """Return images [B, C, R, R] in about -1 to 1 for masks [B, K, R, R], noise [B, Z].

        A generator that is not grown renders fewer pixels; they are repeated to full size.
        """
        with torch.no_grad():
            images = self.network(masks, noise, self.growth).float()
        while images.shape[-1] < self.shape.size:
            images = doubled(images)
        return images

    def write(self, path: Path) -> None:
        """Write one safetensors file; its metadata say how to build the network."""
        described = {
            "variant": self.variant,
            "shape": vars(self.shape),
            "settings": self.settings._asdict(),
            "growth": self.growth._asdict(),
            "about": self.about._asdict(),
        }
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        with complete(path) as partial:
            save_file(weights, partial, {"phantomloom": json.dumps(described)})


def read(path: Path, device: str = "cpu") -> Trained:
    """Return what ``Trained.write`` wrote, ready to sample on ``device``.

    Raises:
        ValueError: if the file is none of ours.
    """
    with safe_open(path, framework="pt", device=device) as file:
        metadata = file.metadata() or {}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "phantomloom" not in metadata:
        raise ValueError(f"{path}: no generator of this project; its metadata do not describe one")
    told = json.loads(metadata["phantomloom"])
    shape = Shape(**told["shape"])
    settings = Settings(**_with_tuples(told["settings"]))
    with torch.random.fork_rng(devices=[]):  # its first weights are random, and replaced
        network = module_of(told["variant"]).generator(shape, settings)
    network.load_state_dict(weights)
    network.to(device, memory_format=torch.channels_last)  # as it was trained
    about = About(**_with_tuples(told["about"]))
    growth = Growth(**told["growth"])
    return Trained(network.requires_grad_(False), told["variant"], shape, settings, growth, about)


def module_of(variant: str):
    """Return the module of a variant by its name."""
    return import_module(f"phantomloom.gan.variants.{variant}")


def settings_of(variant: str, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a variant: its DEFAULTS, but for those ``given``."""
    return module_of(variant).DEFAULTS._replace(**_with_tuples(given))


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
