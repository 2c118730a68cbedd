"""The marginal loss: structures that a case's labels do not hold are part of its background.

Fang & Yan, "Multi-organ segmentation over partially labeled datasets with multi-scale feature
abstraction", IEEE TMI 2020; Shi et al., "Marginal loss and exclusion loss for partially
supervised multi-organ segmentation", Medical Image Analysis 2021.
"""

import torch
from torch import Tensor


def marginal_loss(scores: Tensor, target: Tensor, held: Tensor) -> Tensor:
    """Return weighted cross-entropy plus one minus the mean Dice over the held classes present.

    A voxel weighs one over the root of how many its class has: unweighted, ribs and vessels were
    still not found after 1,800 steps.

    Args:
        scores: [classes, N], before softmax; class 0 is the background.
        target: [N] class indices, all of them held.
        held: [classes] bool; False merges the class into the background.
    """
    held = held.clone()
    held[0] = False
    background = torch.logsumexp(scores[~held], dim=0, keepdim=True)
    logs = torch.cat([background, scores[held]]).log_softmax(0)  # [1 + held, N]
    index = held.long().cumsum(0) * held  # the background and what it swallowed become 0
    target = index[target]
    weight = torch.bincount(target, minlength=len(logs)).clamp(min=1).rsqrt().to(logs)[target]
    entropy = -(weight * logs.gather(0, target[None])[0]).sum() / weight.sum()
    return entropy + _dice_loss(logs.exp(), target)


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """Return one minus the mean soft Dice of the foreground classes that occur."""
    classes = len(probability)
    voxels = torch.bincount(target, minlength=classes).to(probability)
    right = probability.gather(0, target[None])[0]
    hit = torch.zeros_like(voxels).index_add(0, target, right)
    dice = (2 * hit + 1) / (probability.sum(1) + voxels + 1)
    occurs = voxels[1:] > 0
    return 1 - dice[1:][occurs].mean() if occurs.any() else 0 * right.sum()
