"""Takes back from the scores part of what the weights of the loss have added to them.

Voxels of small classes weigh more in the loss (``loss.weight``), so that such structures are found
at all; but at their rims they then win voxels of what surrounds them, and an aorta was found with
twice its volume. Subtracting the logarithm of the weights from the scores makes them those of
voxels that weigh the same: the post-hoc logit adjustment of Menon et al., "Long-tail learning via
logit adjustment", ICLR 2021, the other way. The loss's Dice has no such weights, so all would be
too much.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from phantomloom.segmentation.network import BLOCK
from phantomloom.segmentation.training.loss import weight
from phantomloom.segmentation.training.targets import Learnt, TrainingCase, lesson

# Of the logarithm. Mean Dice of 5 stylised people whom training did not see: .726 at 0, .747 at .3,
# .757 at .5, .760 at .75, .756 at 1; scans, on which scores are less sure, bear less.
SHARE = 0.5
Voxels = dict[str, dict[str, float]]  # by model and class in the order of the head, "" the first


def voxels(
    cases: Sequence[TrainingCase], learnt: Learnt, most: int, before: Voxels | None = None
) -> Voxels:
    """Return how many voxels the classes have, up to ``most``.

    The mean over the cases whose labels show the class and can tell it from others; of what none
    shows what was known ``before``, else as many as the background, which leaves
    its scores as they are.
    """
    result = {}
    ids_of = [torch.bincount(case.labels.flatten(), minlength=256).float() for case in cases]
    for model, names in learnt.items():
        total, shown = torch.zeros(2, 1 + len(names))
        for case, ids in zip(cases, ids_of, strict=True):
            of_class, of_id = lesson(case.held, names)
            groups = torch.zeros(256).index_add(0, of_id.long(), ids)
            alone = torch.bincount(of_class, minlength=256)[of_class] == 1
            alone[0] = True
            its = groups[of_class] * alone
            total, shown = total + its.clamp(max=most), shown + (its > 0)
        mean, known = (total / shown.clamp(min=1)).tolist(), (before or {}).get(model, {})
        result[model] = {
            name: its if seen else known.get(name, mean[0])
            for name, its, seen in zip(("", *names), mean, shown.tolist(), strict=True)
        }
    return result


def adjusted(bias: Tensor, of_classes: Mapping[str, float]) -> Tensor:
    """Return the ``bias`` of a head, [classes x BLOCK^3], for classes of so many voxels."""
    log_weight = weight(torch.tensor([*of_classes.values()])).log().to(bias)
    return bias - SHARE * log_weight.repeat_interleave(BLOCK**3)
