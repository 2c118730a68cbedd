"""What the weights of the loss add to the scores, and what is left of it."""

import numpy as np
import pytest
import torch
from test_training import images, scan, stylised

from phantomloom.segmentation.network import unfold_blocks
from phantomloom.segmentation.training import adjustment
from phantomloom.segmentation.training.loss import weight
from phantomloom.segmentation.training.targets import of_scan
from phantomloom.structures import label


def test_a_class_has_the_voxels_of_the_cases_that_show_it():
    learnt = {
        "abdomen": ("liver", "spleen"),
        "skeleton": ("vertebrae_L1", "vertebrae_L2"),
        "body": ("muscles", "subcutaneous_fat", "bones", "body", "visceral_fat"),
    }
    case = scan()
    whole, liver, bone = case.hu.numel(), 12**3, 24 * 4 * 5
    its = adjustment.voxels([case, stylised()], learnt, most=10**6)
    rest, around = whole - liver, whole - bone
    assert its["abdomen"] == {"": rest, "liver": liver, "spleen": rest}
    assert its["skeleton"] == {"": around, "vertebrae_L1": bone, "vertebrae_L2": around}
    muscle = int((case.hu == 40).sum()) - liver
    assert its["body"]["muscles"] == pytest.approx(muscle, rel=0.1)
    capped = adjustment.voxels([case], learnt, most=1000)
    assert capped["abdomen"] == dict.fromkeys(its["abdomen"], 1000)
    assert capped["skeleton"]["vertebrae_L1"] == bone


def test_labels_that_cannot_tell_a_class_do_not_count_for_it():
    its = adjustment.voxels([scan(set()), stylised()], {"abdomen": ("liver",)}, 10**6)["abdomen"]
    assert its["liver"] == 12**3
    ct, labels = images()
    heart = labels.with_array(np.where(labels.array == label("liver"), label("heart"), 0))
    learnt = {"torso": ("myocardium", "heart_atrium_left")}
    its = adjustment.voxels([of_scan("ann", ct, heart, {"heart"})], learnt, 10**6)["torso"]
    assert [*its.values()] == [ct.array.size - 12**3] * 3


def test_what_nobody_shows_has_the_voxels_that_were_known_before():
    before = {"abdomen": {"": 9.0, "colon": 7.0, "liver": 5.0}}
    its = adjustment.voxels([scan()], {"abdomen": ("liver", "colon")}, 10**6, before)["abdomen"]
    assert its["liver"] == 12**3 and its["colon"] == 7


def test_what_the_loss_teaches_of_a_rim_becomes_its_true_probability(monkeypatch):
    """Of 1000 voxels that look alike 30 are the vessel, which the weights make a quarter."""
    monkeypatch.setattr(adjustment, "SHARE", 1.0)
    target = torch.zeros(100_000, dtype=torch.int64)
    target[:900] = 1
    alike = torch.zeros(len(target), dtype=torch.bool)
    alike[870:1870] = True  # 30 of the vessel, 970 around it; the rest is plain to see
    plain = torch.where(target == 1, 50.0, -50.0)
    score = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([score], line_search_fn="strong_wolfe", max_iter=50)

    def loss():
        optimiser.zero_grad()
        scores = torch.stack([torch.zeros(len(target)), torch.where(alike, score, plain)])
        of_voxel = weight(torch.bincount(target).float())[target]
        result = -(of_voxel * scores.log_softmax(0).gather(0, target[None])[0]).sum()
        result.backward()
        return result

    optimiser.step(loss)
    assert score.detach().sigmoid().item() == pytest.approx(0.2455, abs=2e-3)
    bias = torch.tensor([0.0, score.item()]).repeat_interleave(8)
    rows = adjustment.adjusted(
        bias, dict(zip(("", "aorta"), torch.bincount(target).tolist(), strict=True))
    )
    image = unfold_blocks(rows[None, :, None, None, None])[0, :, 0, 0, 0]
    assert image.softmax(0)[1].item() == pytest.approx(30 / 1000, abs=2e-3)
