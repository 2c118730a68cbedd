"""Layers of Karras et al. 2018, "Progressive growing of GANs", arXiv 1710.10196.

Equalised learning rate: weights are drawn from the unit normal and scaled as He et al. would
have drawn them whenever they are used, so that Adam's step is alike in all layers.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear, pad

SLOPE = 0.2
HE = 2**0.5  # gain of a layer before a leaky ReLU; 1 before none


class Conv(nn.Conv2d):
    """Convolution that keeps the size, or divides it by ``stride``; an even kernel leans down."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, gain: float = HE):
        super().__init__(inputs, outputs, kernel, stride)
        self.scale = _equalise(self, gain, inputs * kernel**2)
        before, after = (kernel - stride) // 2, kernel - stride - (kernel - stride) // 2
        self.before, self.more = before, after - before

    def forward(self, x: Tensor) -> Tensor:
        """Return features [B, outputs, R / stride, R / stride]."""
        if self.more:
            x = pad(x, (0, self.more, 0, self.more))
        return conv2d(x, self.weight * self.scale, self.bias, self.stride, self.before)


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution, kernel 4, that doubles the size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 4, 2, 1)
        self.scale = _equalise(self, HE, inputs * 4)  # 2 x 2 of the kernel reach a pixel

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return features [B, outputs, 2 R, 2 R]."""
        return conv_transpose2d(x, self.weight * self.scale, self.bias, 2, 1)


class Dense(nn.Linear):
    """Linear layer whose weights learn at ``pace`` times the learning rate.

    They are kept larger by 1 / pace and scaled down as much in use (Karras et al. 2019, arXiv
    1812.04948, appendix C), so that what Adam's step adds to them counts for less.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = HE, pace: float = 1.0):
        super().__init__(inputs, outputs)
        self.scale = pace * _equalise(self, gain, inputs)
        with torch.no_grad():
            self.weight /= pace

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, outputs]."""
        return linear(x * self.scale, self.weight, self.bias)  # the weights are far more


class Halving(nn.Module):
    """Two convolutions with leaky ReLU, the second of which has kernel 4 and halves the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int):
        super().__init__()
        self.stay = Conv(inputs, inputs, kernel)
        self.halve = Conv(inputs, outputs, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return features [B, outputs, R / 2, R / 2]."""
        return activated(self.halve(activated(self.stay(x))))


def _equalise(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, gain: float, inputs: int) -> float:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return gain / inputs**0.5


def activated(x: Tensor) -> Tensor:
    """Return the leaky ReLU of ``x``."""
    return leaky_relu(x, SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Return ``x`` [B, F, ...] with a mean square over the features of 1 at each place (4.2)."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def with_batch_deviation(x: Tensor) -> Tensor:
    """Return ``x`` [B, F, r, r] and a channel of one number: how much the batch varies (3).

    The mean over features and places of the standard deviation over the batch.
    """
    deviation = (x.var(0, correction=0) + 1e-8).sqrt().mean()
    return torch.cat([x, deviation.to(x.dtype).expand(len(x), 1, *x.shape[2:])], 1)
