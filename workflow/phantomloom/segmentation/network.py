"""The network of the shipped models: a U-Net that works on 2 x 2 x 2 blocks of voxels.

Folding each block into channels before the first convolution and unfolding the class scores
after the last one leaves the convolutions an eighth of the voxels: on two cores a training step
takes a sixth of the time of the same U-Net at full resolution. Channels lie last in memory, which
takes another quarter off it in float32.
"""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

import torch
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

BLOCK = 2
SEEN_BY_HEAD = 64  # features of a block; with 32 and 73 classes they became almost collinear


class BlockUNet(nn.Module):
    """Scores [B, classes, Z, Y, X] for images [B, channels, Z, Y, X]; sides divisible by 16."""

    def __init__(self, channels: int, classes: int, features: tuple[int, ...]) -> None:
        super().__init__()
        levels = len(features)
        self.unet = DynUNet(
            spatial_dims=3,
            in_channels=channels * BLOCK**3,
            out_channels=SEEN_BY_HEAD,
            kernel_size=[3] * levels,
            strides=[1] + [2] * (levels - 1),
            upsample_kernel_size=[2] * (levels - 1),
            filters=list(features),
            # of images one at a time: as instance normalisation, which wants channels first
            norm_name=("batch", {"affine": True, "track_running_stats": False}),
            res_block=True,
        )
        self.head = nn.Conv3d(SEEN_BY_HEAD, classes * BLOCK**3, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the scores before softmax."""
        return unfold_blocks(self.head(self.block_features(image)))

    def block_features(self, image: Tensor) -> Tensor:
        """Return what the head sees of each block, [B, features, Z/2, Y/2, X/2]."""
        blocks = fold_blocks(image).contiguous(memory_format=torch.channels_last_3d)
        return leaky_relu(torch.cat([self.unet(one) for one in blocks.split(1)]))


def with_all_heads(networks: Sequence[BlockUNet]) -> BlockUNet:
    """Return one network that gives the scores of all, in their order, for the price of one trunk.

    Raises:
        ValueError: if their trunks differ.
    """
    trunks = [network.unet.state_dict() for network in networks]
    for one, other in pairwise(trunks):
        same = one.keys() == other.keys()
        if not same or not all(torch.equal(value, other[name]) for name, value in one.items()):
            raise ValueError("networks of one training have one trunk; these have several")
    heads = [network.head for network in networks]
    result = deepcopy(networks[0])
    result.head = nn.Conv3d(SEEN_BY_HEAD, sum(head.out_channels for head in heads), kernel_size=1)
    result.head.load_state_dict(
        {
            name: torch.cat([head.state_dict()[name] for head in heads])
            for name in ("weight", "bias")
        }
    )
    return result


def fold_blocks(image: Tensor) -> Tensor:
    """Turn [B, C, Z, Y, X] into [B, 8 C, Z/2, Y/2, X/2]."""
    b, c, z, y, x = image.shape
    blocks = image.reshape(b, c, z // 2, 2, y // 2, 2, x // 2, 2)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * 8, z // 2, y // 2, x // 2)


def unfold_blocks(blocks: Tensor) -> Tensor:
    """Undo ``fold_blocks``."""
    b, c8, z, y, x = blocks.shape
    c = c8 // 8
    image = blocks.reshape(b, c, 2, 2, 2, z, y, x).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return image.reshape(b, c, z * 2, y * 2, x * 2)
