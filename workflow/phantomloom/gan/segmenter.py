"""A small 2-D segmenter that judges generated images, or is taught by them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from monai.losses.dice import DiceCELoss
from monai.networks.nets.unet import UNet
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from phantomloom.gan.metrics import overlap
from phantomloom.gan.metrics.images import Images, batches
from phantomloom.gan.metrics.overlap import Segmented
from phantomloom.gan.pairs import Pairs
from phantomloom.io import complete

AT_ONCE = 16  # images segmented together


class Recipe(NamedTuple):
    """Settings of a segmenter's training."""

    steps: int
    seed: int
    batch: int = 16
    features: tuple[int, ...] = (16, 32, 64, 128)  # each after the first at half the size
    learning_rate: float = 1e-2
    shift: float = 1 / 16  # of the size, by which a batch is moved at most
    jitter: float = 0.1  # of grey values, which span 2: gain, and half of it offset and noise


class Shape(NamedTuple):
    """Channels of the images, classes without the background, and features of the U-Net."""

    channels: int
    classes: int
    features: tuple[int, ...]


@dataclass(frozen=True)
class Segmenter:
    """A trained network: logits [B, 1 + K, H, W] of images [B, C, H, W] in -1 to 1."""

    network: nn.Module
    shape: Shape

    def labels(self, images: Images) -> np.ndarray:
        """Return class numbers [N, H, W], uint8, of ``images``."""
        device = next(self.network.parameters()).device
        with torch.no_grad():
            found = [
                self.network(batch.to(device)).argmax(1).to(torch.uint8).cpu().numpy()
                for batch in batches(images, AT_ONCE)
            ]
        return np.concatenate(found)

    def segmented(self, pairs: Pairs) -> Segmented:
        """Return what is found on the images of ``pairs``, beside their masks."""
        found = self.labels(pairs.images_of(range(len(pairs.names))))
        return Segmented(found, pairs.masks, pairs.groups)

    def dice(self, pairs: Pairs) -> pd.DataFrame:
        """Return Dice on ``pairs``: a row a group, a column a class; see ``overlap.dice``."""
        return overlap.dice(self.segmented(pairs), self.shape.classes)

    def write(self, path: Path) -> None:
        """Write one safetensors file; its metadata tell the shape."""
        weights = {name: value.cpu() for name, value in self.network.state_dict().items()}
        with complete(path) as partial:
            save_file(weights, partial, {"shape": json.dumps(self.shape)})

    @classmethod
    def read(cls, path: Path, device: str = "cpu") -> Self:
        """Return what ``write`` wrote."""
        with safe_open(path, framework="pt") as file:
            channels, classes, features = json.loads(file.metadata()["shape"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        shape = Shape(channels, classes, tuple(features))
        network = _network(shape, seed=0)
        network.load_state_dict(weights)
        return cls(network.to(device).eval(), shape)


def train(pairs: Pairs, recipe: Recipe, device: str = "cpu") -> Segmenter:
    """Return a segmenter of ``pairs``; one that is to judge must have seen real images only.

    Dice and cross-entropy; slices with rare classes are drawn more often. Equal for equal seeds
    on a CPU.

    Raises:
        FloatingPointError: if the loss is no finite number.
    """
    classes = len(pairs.class_names)
    shape = Shape(pairs.images.shape[1], classes, recipe.features)
    network = _network(shape, recipe.seed).to(device).train()
    pixels = pixel_counts(pairs.masks, classes)
    loss = DiceCELoss(
        to_onehot_y=True, softmax=True, batch=True, weight=_class_weights(pixels).to(device)
    )
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate)
    rates = torch.optim.lr_scheduler.PolynomialLR(optimiser, recipe.steps, 0.9)
    chances = row_chances(pixels)
    for step in range(recipe.steps):
        generator = np.random.default_rng((recipe.seed, step))
        rows = generator.choice(len(chances), recipe.batch, p=chances)
        masks = torch.from_numpy(pairs.masks[rows])[:, None].float()
        images, masks = _varied(pairs.scaled(rows), masks, recipe, generator)
        value = loss(network(images.to(device)), masks.to(device))
        if not bool(value.isfinite()):
            raise FloatingPointError(f"segmenter: loss {value} at step {step}; lower learning_rate")
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        rates.step()
    return Segmenter(network.eval(), shape)


def pixel_counts(masks: np.ndarray, classes: int) -> np.ndarray:
    """Return how many pixels of each class, 0 included, each mask [N, H, W] has: [N, 1 + K]."""
    return np.stack([np.bincount(mask.ravel(), minlength=classes + 1) for mask in masks])


def row_chances(pixels: np.ndarray) -> np.ndarray:
    """Return how likely each row is drawn [N]: all classes equally, then a row that has it."""
    has = pixels > 0
    chances = (has / np.maximum(has.sum(0), 1)).sum(1)
    return chances / chances.sum()


def _class_weights(pixels: np.ndarray) -> Tensor:
    """Return weights [1 + K] with a mean of 1 over pixels, by the root of the rarity."""
    share = pixels.sum(0) / pixels.sum()
    root = np.where(share > 0, share, 1) ** -0.5
    return torch.from_numpy(root / (root * share).sum()).float()


def _network(shape: Shape, seed: int) -> nn.Module:
    """Return a new U-Net; the weights come from ``seed`` and nothing else is drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet(
            spatial_dims=2,
            in_channels=shape.channels,
            out_channels=1 + shape.classes,
            channels=shape.features,
            strides=(2,) * (len(shape.features) - 1),
            num_res_units=1,
            norm="batch",
        )


def _varied(
    images: Tensor, masks: Tensor, recipe: Recipe, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return a batch moved by one shift, with gain, offset and noise drawn for each image."""
    size = images.shape[-1]
    most = round(recipe.shift * size)
    top, left = generator.integers(2 * most + 1, size=2)
    images, masks = (
        functional.pad(each, (most,) * 4, mode="replicate")[
            ..., top : top + size, left : left + size
        ]
        for each in (images, masks)
    )
    draws = torch.from_numpy(generator.standard_normal((2, len(images), 1, 1, 1))).float()
    noise = torch.from_numpy(generator.standard_normal(images.shape)).float()
    changed = images * (1 + recipe.jitter * draws[0])
    return changed + recipe.jitter / 2 * (draws[1] + noise), masks
