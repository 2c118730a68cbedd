"""The same idea on today's practice: residual blocks without normalisation, R3GAN's manner.

Huang et al. 2024 (arXiv 2501.05441), section 3: bilinear resampling, leaky ReLU, no
normalisation, the last layer of each residual branch at zero in the beginning (fix-up, Zhang et
al. 2019, arXiv 1901.09321). Its grouped convolutions and bottlenecks are left out: there are few
features.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from phantomloom.gan.networks.layers import HE, activated
from phantomloom.gan.networks.progressive import grown, width
from phantomloom.gan.resolution import halved, mixed, shrunk
from phantomloom.gan.schedule import Growth
from phantomloom.gan.settings import Shape

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)
CODED = 32  # masks are embedded from at most this size


def convolution(inputs: int, outputs: int, kernel: int = 3, gain: float = HE) -> nn.Conv2d:
    """Return a convolution that keeps the size."""
    return drawn(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), gain)


def dense(inputs: int, outputs: int, gain: float = HE) -> nn.Linear:
    """Return a linear layer."""
    return drawn(nn.Linear(inputs, outputs), gain)


def drawn(layer: Layer, gain: float = HE) -> Layer:
    """Return ``layer`` with weights of variance gain^2 / inputs, as He et al. draw them."""
    nn.init.normal_(layer.weight, std=gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """x + convolution(activated(convolution(x, seen))), the second of which begins at zero."""

    def __init__(self, features: int, seen: int = 0):
        super().__init__()
        self.first = convolution(features + seen, features)
        self.second = convolution(features, features, gain=0)

    def forward(self, x: Tensor, *seen: Tensor) -> Tensor:
        """Return features [B, F, r, r]; what is ``seen`` beside x has that size too."""
        joined = torch.cat([activated(x), *seen], 1)
        return x + self.second(activated(self.first(joined)))


class Clipped(torch.autograd.Function):
    """Cuts images off at -1 and 1; beyond them only a gradient that leads back passes.

    Without that one a generator that has left the range never comes back; with any other it is
    driven ever farther out, as nobody sees how far it is.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        """Return ``images``, of any shape, cut off."""
        ctx.save_for_backward(images)
        return images.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Return the gradient: the loss falls against it."""
        (images,) = ctx.saved_tensors
        outward = ((images > 1) & (slope < 0)) | ((images < -1) & (slope > 0))
        return slope.masked_fill(outward, 0)


class MaskCode(nn.Module):
    """Embeds masks: strided convolutions from at most 32 x 32 to 4 x 4, two dense layers."""

    def __init__(self, size: int, classes: int, features: int, embedding: int):
        super().__init__()
        self.size = min(size, CODED)
        inputs, self.halve = classes, nn.ModuleList()
        for _ in range((self.size // 4).bit_length() - 1):
            self.halve.append(drawn(nn.Conv2d(inputs, features, 4, stride=2, padding=1)))
            inputs = features
        self.dense = dense(features * 4 * 4, 256)
        self.out = dense(256, embedding, gain=1)

    def forward(self, masks: Tensor) -> Tensor:
        """Return [B, embedding] of masks [B, K, R, R]."""
        x = shrunk(masks, self.size)
        for halve in self.halve:
            x = activated(halve(x))
        return self.out(activated(self.dense(x.flatten(1))))


class Generator(nn.Module):
    """Renders masks [B, K, R, R] and noise [B, Z].

    The mask's embedding joins the noise before the first projection; the block of each size sees
    the mask at that size. The last numbers of the noise, one for each pixel, are grain that the
    last block of full size is given beside its features. Images are clipped to their range, as
    real ones are: air outside the window is flat, and an output that only comes near to it bears
    ripples that a critic sees before all else.
    """

    def __init__(self, shape: Shape, features: int, embedding: int, noise: int):
        super().__init__()
        self.global_noise, self.size = noise, shape.size
        self.grain_size = shape.size**2
        self.noise_size = noise + self.grain_size
        self.code = MaskCode(shape.size, shape.classes, features, embedding)
        self.project = dense(embedding + noise, width(features, 4) * 4 * 4)
        self.change, self.blocks = nn.ModuleList(), nn.ModuleList()
        self.to_image = nn.ModuleList()
        for size in grown(shape):
            now, then = width(features, size // 2), width(features, size)
            self.change.append(convolution(now, then, 1, gain=1))
            self.blocks.append(Residual(then, shape.classes + (size == shape.size)))
            self.to_image.append(convolution(then, shape.channels, 1, gain=1))

    def forward(self, masks: Tensor, noise: Tensor, growth: Growth) -> Tensor:
        """Return images [B, C, r, r] of the size r that ``growth`` names."""
        noise, grain = noise.split([self.global_noise, self.size**2], 1)
        latent = torch.cat([self.code(masks), noise], 1)
        x = self.project(latent).unflatten(1, (-1, 4, 4))
        rendered: list[Tensor] = []
        for change, block, to_image in zip(self.change, self.blocks, self.to_image, strict=True):
            x = upsampled(change(x))
            size = x.shape[-1]
            seen = [shrunk(masks, size)]
            if size == self.size:
                seen.append(grain.view(-1, 1, size, size))
            x = block(x, *seen)
            if growth.renders(size):
                rendered.append(Clipped.apply(to_image(activated(x))))
            if size == growth.size:
                break
        return mixed(rendered, growth.alpha)


class Critic(nn.Module):
    """Scores images [B, C, r, r] beside their masks; the mask's embedding weighs the end.

    The score is a linear one of the last features plus their product with the embedding of the
    mask (projection, Miyato and Koyama 2018, arXiv 1802.05637).
    """

    def __init__(self, shape: Shape, features: int):
        super().__init__()
        self.from_image, self.change = nn.ModuleDict(), nn.ModuleDict()
        self.blocks = nn.ModuleDict()
        for size in grown(shape):
            now, then = width(features, size), width(features, size // 2)
            self.from_image[str(size)] = convolution(shape.channels + shape.classes, now, gain=1)
            self.blocks[str(size)] = Residual(now)
            self.change[str(size)] = convolution(now, then, 1, gain=1)
        last = width(features, 4)
        self.end = Residual(last)
        self.dense = dense(last * 4 * 4, 2 * last)
        self.code = MaskCode(shape.size, shape.classes, features, 2 * last)
        self.score = dense(2 * last, 1, gain=1)

    def forward(self, images: Tensor, masks: Tensor, growth: Growth) -> Tensor:
        """Return a score of each image, [B]."""
        size = growth.size
        x = self._down(self._features(images, masks), size)
        size //= 2
        if growth.alpha < 1:
            x = torch.lerp(self._features(halved(images), masks), x, growth.alpha)
        while size > 4:
            x, size = self._down(x, size), size // 2
        h = activated(self.dense(activated(self.end(x)).flatten(1)))
        agreement = (h * self.code(masks)).sum(1) / h.shape[1] ** 0.5
        return self.score(h)[:, 0] + agreement

    def _features(self, images: Tensor, masks: Tensor) -> Tensor:
        size = images.shape[-1]
        seen = torch.cat([images, shrunk(masks, size)], 1)
        return self.from_image[str(size)](seen)

    def _down(self, x: Tensor, size: int) -> Tensor:
        return self.change[str(size)](halved(self.blocks[str(size)](x)))  # a quarter of the pixels


def upsampled(x: Tensor) -> Tensor:
    """Return features [B, F, 2 r, 2 r], bilinear."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
