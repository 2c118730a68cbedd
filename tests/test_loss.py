import math

import pytest
import torch

from phantomloom.segmentation.training.loss import marginal_loss


def by_hand(probability, target, held):
    """The same sum, voxel by voxel, in plain Python floats."""
    classes, n = len(probability), len(target)
    unheld = [k for k in range(1, classes) if not held[k]]
    weights = [1 / math.sqrt(target.count(k)) for k in target]
    entropy = 0.0
    for v in range(n):
        p = probability[target[v]][v]
        if target[v] == 0:
            p += sum(probability[k][v] for k in unheld)
        entropy -= weights[v] * math.log(p) / sum(weights)
    dices = []
    for k in range(1, classes):
        if held[k] and k in target:
            hit = sum(probability[k][v] for v in range(n) if target[v] == k)
            dices.append((2 * hit + 1) / (sum(probability[k]) + target.count(k) + 1))
    return entropy + (1 - sum(dices) / len(dices))


@pytest.mark.parametrize(
    "held", [[True] * 4, [True, False, True, False], [False, True, True, True]]
)
def test_it_equals_the_sum_over_voxels(held):
    torch.manual_seed(0)
    scores = torch.randn(4, 30)
    target = [[0, 2, 2][v % 3] for v in range(30)]
    expected = by_hand(scores.softmax(0).tolist(), target, held)
    got = marginal_loss(scores, torch.tensor(target), torch.tensor(held))
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_finding_what_the_labels_do_not_hold_costs_nothing():
    """In a voxel of the background, the score may move freely between it and unheld classes."""
    target, held = torch.tensor([0, 0, 1]), torch.tensor([True, True, False])
    nothing = torch.tensor([[9.0, 9, 0], [0, 0, 9], [-9, -9, -9]])
    unheld = torch.tensor([[-9.0, 9, 0], [0, 0, 9], [9, -9, -9]])
    assert marginal_loss(nothing, target, held).item() == pytest.approx(
        marginal_loss(unheld, target, held).item(), abs=1e-6
    )


def test_a_patch_without_any_held_structure_still_teaches_the_background():
    scores = torch.zeros(3, 10, requires_grad=True)
    marginal_loss(
        scores, torch.zeros(10, dtype=torch.long), torch.tensor([True, True, True])
    ).backward()
    assert scores.grad[0].max() < 0 < scores.grad[1].min()
