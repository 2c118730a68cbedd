"""The paper's generator and critic, which grow from 8 x 8 to full size."""

import torch
from torch import Tensor, nn

from phantomloom.gan.networks.layers import (
    Conv,
    Dense,
    Doubling,
    Halving,
    activated,
    pixel_norm,
    with_batch_deviation,
)
from phantomloom.gan.networks.mask_encoder import JOINED, SMALLEST, MaskEncoder
from phantomloom.gan.resolution import halved, mixed, shrunk
from phantomloom.gan.schedule import Growth
from phantomloom.gan.settings import SIZES, Shape

MASK_CHANNELS = 3  # of the convolution of the mask that the critic sees beside the image


def width(features: int, size: int) -> int:
    """Return the features at ``size``: ``features`` up to 32, half as many for each doubling."""
    return max(4, min(features, features * 32 // size))


def grown(shape: Shape) -> list[int]:
    """Return the sizes that are rendered on the way to full size."""
    return [size for size in SIZES if size <= shape.size]


class Block(nn.Module):
    """Doubles the size, is given ``joined`` channels of the mask's features, convolves."""

    def __init__(self, inputs: int, outputs: int, joined: int):
        super().__init__()
        self.joined = joined
        self.doubling = Doubling(inputs, outputs)
        self.convolve = Conv(outputs + joined, outputs, 3)

    def forward(self, x: Tensor, of_mask: Tensor | None) -> Tensor:
        """Return features [B, outputs, 2 r, 2 r]."""
        x = _normed(self.doubling(x))
        if self.joined and of_mask is not None:
            x = torch.cat([x, of_mask[:, : self.joined]], 1)
        return _normed(self.convolve(x))


class Generator(nn.Module):
    """Renders masks [B, K, R, R] and noise [B, Z].

    The latent, ``embedding`` numbers of the mask and ``noise`` numbers at random, is projected to
    4 x 4; each block doubles the size by a transposed convolution, is given 8 channels of the mask
    encoder's features of that size, where it has any, and convolves once more. Pixel norm and
    leaky ReLU after each; 1 x 1 convolutions to images, linear.
    """

    def __init__(self, shape: Shape, features: int, embedding: int, noise: int):
        super().__init__()
        self.noise_size, self.grain_size = noise, 0
        self.encoder = MaskEncoder(shape.size, shape.classes, embedding)
        first = width(features, 4)
        self.project = Dense(embedding + noise, first * 4 * 4)
        self.start = Conv(first, first, 3)
        self.blocks, self.to_image = nn.ModuleList(), nn.ModuleList()
        for size in grown(shape):
            now, then = width(features, size // 2), width(features, size)
            joined = JOINED if size >= min(SMALLEST, shape.size) else 0
            self.blocks.append(Block(now, then, joined))
            self.to_image.append(Conv(then, shape.channels, 1, gain=1))

    def forward(self, masks: Tensor, noise: Tensor, growth: Growth) -> Tensor:
        """Return images [B, C, r, r] of the size r that ``growth`` names."""
        features, embedding = self.encoder(masks)
        x = _normed(self.project(_latent(embedding, noise)).unflatten(1, (-1, 4, 4)))
        x = _normed(self.start(x))
        rendered: list[Tensor] = []
        for block, to_image in zip(self.blocks, self.to_image, strict=True):
            x = block(x, features.get(2 * x.shape[-1]))
            if growth.renders(x.shape[-1]):
                rendered.append(to_image(x))
            if x.shape[-1] == growth.size:
                break
        return mixed(rendered, growth.alpha)


def _normed(x: Tensor) -> Tensor:
    return pixel_norm(activated(x))


def _latent(embedding: Tensor | None, noise: Tensor) -> Tensor:
    """Return the latent [B, E + Z], the embedding with a mean square of 1, as noise has.

    Without it the embedding grew to a hundred times the noise within 600 steps, and all images of
    a mask became one; nor did it help to scale both together, as Karras et al. scale a latent.
    """
    return noise if embedding is None else torch.cat([pixel_norm(embedding), noise], 1)


class Critic(nn.Module):
    """Scores images [B, C, r, r] beside a convolution of their masks to 3 channels.

    A convolution and one of stride 2 for each size down to 4 x 4; there the deviation of the
    batch, a convolution and two dense layers.
    """

    def __init__(self, shape: Shape, features: int):
        super().__init__()
        self.of_mask, self.from_image = nn.ModuleDict(), nn.ModuleDict()
        self.blocks = nn.ModuleDict()
        for size in grown(shape):
            now, then = width(features, size), width(features, size // 2)
            self.of_mask[str(size)] = Conv(shape.classes, MASK_CHANNELS, 3, gain=1)
            self.from_image[str(size)] = Conv(shape.channels + MASK_CHANNELS, now, 1)
            self.blocks[str(size)] = Halving(now, then, kernel=3)
        last = width(features, 4)
        self.end = Conv(last + 1, last, 3)
        self.dense = nn.ModuleList([Dense(last * 4 * 4, last), Dense(last, 1, gain=1)])

    def forward(self, images: Tensor, masks: Tensor, growth: Growth) -> Tensor:
        """Return a score of each image, [B]."""
        size = growth.size
        x = self.blocks[str(size)](self._features(images, masks))
        size //= 2
        if growth.alpha < 1:
            x = torch.lerp(self._features(halved(images), masks), x, growth.alpha)
        while size > 4:
            x, size = self.blocks[str(size)](x), size // 2
        x = activated(self.end(with_batch_deviation(x)))
        return self.dense[1](activated(self.dense[0](x.flatten(1))))[:, 0]

    def _features(self, images: Tensor, masks: Tensor) -> Tensor:
        size = images.shape[-1]
        mask = self.of_mask[str(size)](shrunk(masks, size))
        return activated(self.from_image[str(size)](torch.cat([images, mask], 1)))
