"""Takes back from the scores what the weights of the loss have added to them.

A voxel weighs one over the root of how many its class has (see ``loss``), so that small structures
are found at all; but at their rims they then win voxels of what surrounds them, and an aorta came
out twice as thick. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, section 4.1:
in the end the logarithm of the weights is subtracted from the scores.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from phantomloom.segmentation.network import BLOCK
from phantomloom.segmentation.training.targets import Learnt, TrainingCase, lesson

# Of the logarithm. Mean Dice of 5 stylised people whom training did not see: .726 at 0, .747 at .3,
# .757 at .5, .760 at .75, .756 at 1; scans, on which scores are less sure, bear less.
SHARE = 0.5


def voxels(cases: Sequence[TrainingCase], learnt: Learnt, most: int) -> dict[str, list[float]]:
    """Return by model how many voxels its classes have, the background first, up to ``most``.

    The mean over the cases whose labels show the class and can tell it from others; what none
    shows counts like the background, which leaves it as it is.
    """
    result = {}
    for model, names in learnt.items():
        total, shown = torch.zeros(2, 1 + len(names))
        for case in cases:
            of_class, of_id = lesson(case.held, names)
            ids = torch.bincount(case.labels.flatten(), minlength=256).float()
            groups = torch.zeros(256).index_add(0, of_id.long(), ids)
            alone = torch.bincount(of_class, minlength=256)[of_class] == 1
            alone[0] = True
            its = groups[of_class] * alone
            total, shown = total + its.clamp(max=most), shown + (its > 0)
        mean = total / shown.clamp(min=1)
        result[model] = torch.where(shown > 0, mean, mean[0]).tolist()
    return result


def adjusted(bias: Tensor, of_classes: Sequence[float]) -> Tensor:
    """Return the ``bias`` of a head, [BLOCK^3 classes], for classes of so many voxels."""
    log_weight = -0.5 * torch.tensor(of_classes).log()
    return bias - SHARE * log_weight.repeat_interleave(BLOCK**3)
