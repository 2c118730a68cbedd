"""What a step of training minimises: the loss of each model, at the finest and coarser levels.

The finest loss is taken at a random part of the 2 x 2 x 2 blocks: with 150 classes the head and
the loss cost more than the trunk.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from phantomloom.segmentation.network import BLOCK, BlockUNet, fold_blocks
from phantomloom.segmentation.training.loss import marginal_loss
from phantomloom.segmentation.training.samples import Sample

LOSS_AT = 8  # one block in this many
DEEP_SHARE = 0.5  # of the loss at each coarser level


class Deep(nn.Module):
    """Heads on the coarser levels of the decoder, for training only (deep supervision).

    Lee et al., "Deeply-supervised nets", AISTATS 2015. Without them the network told tissues
    apart for a thousand steps before it looked at where they lie.
    """

    def __init__(self, network: BlockUNet, classes: int, features: tuple[int, ...]) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        coarser = network.unet.upsamples[:-1]
        self.heads = nn.ModuleList(nn.Conv3d(n, classes, 1) for n in features[-2:0:-1])
        for level in coarser:
            level.register_forward_hook(lambda _module, _input, output: self.seen.append(output))

    def scores(self) -> Iterator[tuple[int, Tensor]]:
        """Yield the distance in voxels and the scores [classes, N] of each level just passed."""
        for level, (head, features) in enumerate(zip(self.heads, self.seen, strict=True)):
            yield BLOCK * 2 ** (len(self.heads) - level), head(features.float())[0].flatten(1)
        self.seen.clear()


def _features(network: BlockUNet, image: Tensor) -> Tensor:
    """Return the features of the blocks, [F, N], in bfloat16 where the machine multiplies it."""
    device, levels = network.head.weight.device, len(network.unet.filters)
    depths = {image.shape[1] // BLOCK // 2**level for level in range(levels)}
    enabled = _multiplies_bfloat16(device, depths)
    with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
        return network.block_features(image[None].to(device))[0].flatten(1)


def _multiplies_bfloat16(device: torch.device, depths: set[int]) -> bool:
    """Whether a device can convolve images of such ``depths`` in bfloat16.

    Over two planes oneDNN gives memory that nobody wrote for the gradient of a 3 x 3 x 3 kernel
    (torch 2.13, AVX-512 BF16; the gradients at all other sizes tried are right).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported() and 2 not in depths


def _scores(network: BlockUNet, features: Tensor) -> Tensor:
    """Return the scores of all classes, [classes, 8 N], for features [F, N]."""
    weight, bias = network.head.weight, network.head.bias
    assert bias is not None
    with torch.autocast(weight.device.type, torch.bfloat16, enabled=features.dtype != weight.dtype):
        scores = torch.addmm(bias[:, None], weight.flatten(1), features)
    return scores.float().unflatten(0, (-1, BLOCK**3)).flatten(1)


def losses(network: BlockUNet, deep: Deep, sample: Sample, sizes: list[int], seed: int) -> Tensor:
    """Return the loss of each model: of a part of the blocks, and of coarser levels."""
    features = _features(network, sample.image)
    order = torch.randperm(features.shape[1], generator=torch.Generator().manual_seed(seed))
    chosen = order[: features.shape[1] // LOSS_AT].to(features.device)
    target = _targets(sample)[..., chosen.cpu()].flatten(1)
    total = _by_model(_scores(network, features[:, chosen]), target, sample.groups, sizes)
    for stride, scores in deep.scores():
        target = sample.target[
            :, stride // 2 :: stride, stride // 2 :: stride, stride // 2 :: stride
        ]
        total = total + DEEP_SHARE * _by_model(
            scores, target.flatten(1).long(), sample.groups, sizes
        )
    return total


def _by_model(
    scores: Tensor, target: Tensor, groups: tuple[Tensor, ...], sizes: list[int]
) -> Tensor:
    """Return the loss of each model for scores [classes, N] and targets [models, N]."""
    device = scores.device
    parts = zip(scores.split(sizes), target.to(device), groups, strict=True)
    return torch.stack([marginal_loss(s, t, of_class.to(device)) for s, t, of_class in parts])


def _targets(sample: Sample) -> Tensor:
    """Return the target in the order of the scores, int64 [models, 8, N]."""
    return fold_blocks(sample.target[None])[0].unflatten(0, (-1, BLOCK**3)).flatten(2).long()
