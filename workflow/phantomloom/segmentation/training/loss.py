"""The marginal loss: classes that a case's labels cannot tell apart count as one.

Fang & Yan, "Multi-organ segmentation over partially labeled datasets with multi-scale feature
abstraction", IEEE TMI 2020; Shi et al., "Marginal loss and exclusion loss for partially
supervised multi-organ segmentation", Medical Image Analysis 2021.
"""

import torch
from torch import Tensor


def marginal_loss(scores: Tensor, target: Tensor, group_of_class: Tensor) -> Tensor:
    """Return weighted cross-entropy plus one minus the mean Dice over the groups present.

    A voxel weighs one over the root of how many its group has: unweighted, ribs and vessels were
    still not found after 1,800 steps.

    Args:
        scores: [classes, N], before softmax; class 0 is the background.
        target: [N] int64, indices of groups; group 0 holds the background.
        group_of_class: [classes] int64.
    """
    probability = scores.softmax(0)
    groups = int(group_of_class.max()) + 1
    if not torch.equal(group_of_class, torch.arange(groups, device=group_of_class.device)):
        probability = scores.new_zeros(groups, len(target)).index_add(
            0, group_of_class, probability
        )
    right = probability.gather(0, target[None])[0]
    voxels = torch.bincount(target, minlength=groups).to(scores)
    of_voxel = weight(voxels)[target]
    entropy = -(of_voxel * right.clamp(min=1e-30).log()).sum() / of_voxel.sum()
    return entropy + _dice_loss(probability, right, target, voxels)


def weight(voxels: Tensor) -> Tensor:
    """Return what a voxel weighs in the cross-entropy if its group has so many ``voxels``."""
    return voxels.clamp(min=1).rsqrt()


def _dice_loss(probability: Tensor, right: Tensor, target: Tensor, voxels: Tensor) -> Tensor:
    """Return one minus the mean soft Dice of the foreground groups that occur."""
    hit = torch.zeros_like(voxels).index_add(0, target, right)
    dice = (2 * hit + 1) / (probability.sum(1) + voxels + 1)
    occurs = voxels[1:] > 0
    return 1 - dice[1:][occurs].mean() if occurs.any() else 0 * right.sum()
