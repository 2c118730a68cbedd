"""The paper's mask encoder: an embedding for the latent, and features of each size."""

from torch import Tensor, nn

from phantomloom.gan.networks.layers import Conv, Dense, Halving, activated

SMALLEST = 16  # where the convolutions end
JOINED = 8  # first channels of each size that the generator is given
PACE = 0.1  # of the dense layers, two linear ones in a row, the first with up to 8192 inputs


def channels(size: int) -> int:
    """Return the encoder's channels at ``size``: 8 at 512, 32 at 32 and below."""
    return min(32, max(JOINED, 1024 // size))


class MaskEncoder(nn.Module):
    """Encodes masks [B, K, R, R] of any size.

    Ren et al. 2019 (arXiv 1907.01710): two 8 x 8 convolutions at full size, the first of 8
    channels; pairs of 4 x 4 convolutions, stride 1 and 2, down to 16 x 16; dense layers of 256
    and ``embedding``, both linear. Without ``embedding`` the dense layers are left out.
    """

    def __init__(self, size: int, classes: int, embedding: int):
        super().__init__()
        self.full = nn.ModuleList([Conv(classes, 8, 8), Conv(8, channels(size), 8)])
        self.pairs = nn.ModuleList()
        while size > SMALLEST:
            now, then = channels(size), channels(size // 2)
            self.pairs.append(Halving(now, then, kernel=4))
            size //= 2
        inputs = channels(size) * size**2
        self.dense = nn.ModuleList()
        if embedding:
            layers = (inputs, 256), (256, embedding)
            self.dense.extend(Dense(*sides, gain=1, pace=PACE) for sides in layers)

    def forward(self, masks: Tensor) -> tuple[dict[int, Tensor], Tensor | None]:
        """Return features [B, 8 or more, r, r] by size r, and the embedding [B, E] or None."""
        x = masks
        for layer in self.full:
            x = activated(layer(x))
        features = {x.shape[-1]: x}
        for pair in self.pairs:
            x = pair(x)
            features[x.shape[-1]] = x
        if not self.dense:
            return features, None
        return features, self.dense[1](self.dense[0](x.flatten(1)))
