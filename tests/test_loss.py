import math

import pytest
import torch

from phantomloom.segmentation.training.loss import marginal_loss


def by_hand(probability, target, groups):
    """The same sum, voxel by voxel, in plain Python floats."""
    n = len(target)

    def of(group, v):
        return sum(probability[k][v] for k, g in enumerate(groups) if g == group)

    weights = [1 / math.sqrt(target.count(k)) for k in target]
    entropy = -sum(weights[v] * math.log(of(target[v], v)) for v in range(n)) / sum(weights)
    dices = []
    for group in set(target) - {0}:
        hit = sum(of(group, v) for v in range(n) if target[v] == group)
        found = sum(of(group, v) for v in range(n))
        dices.append((2 * hit + 1) / (found + target.count(group) + 1))
    return entropy + (1 - sum(dices) / len(dices))


@pytest.mark.parametrize("groups", [[0, 1, 2, 3], [0, 0, 1, 0], [0, 1, 2, 1], [0, 2, 0, 1]])
def test_it_equals_the_sum_over_voxels(groups):
    torch.manual_seed(0)
    scores = torch.randn(4, 30)
    target = [[0, 1, max(groups)][v % 3] for v in range(30)]
    expected = by_hand(scores.softmax(0).tolist(), target, groups)
    got = marginal_loss(scores, torch.tensor(target), torch.tensor(groups))
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_finding_what_the_labels_cannot_show_costs_nothing():
    """In a voxel of the background, the score may move freely between the classes of group 0."""
    target, groups = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0])
    nothing = torch.tensor([[9.0, 9, 0], [0, 0, 9], [-9, -9, -9]])
    unheld = torch.tensor([[-9.0, 9, 0], [0, 0, 9], [9, -9, -9]])
    assert marginal_loss(nothing, target, groups).item() == pytest.approx(
        marginal_loss(unheld, target, groups).item(), abs=1e-6
    )


def test_a_patch_without_any_held_structure_still_teaches_the_background():
    scores = torch.zeros(3, 10, requires_grad=True)
    marginal_loss(scores, torch.zeros(10, dtype=torch.long), torch.tensor([0, 1, 2])).backward()
    assert scores.grad[0].max() < 0 < scores.grad[1].min()
