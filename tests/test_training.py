"""Targets, samples and the loop on a body of boxes."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from phantomloom.segmentation.training import loop
from phantomloom.segmentation.training.samples import Patches
from phantomloom.segmentation.training.targets import TrainingCase, classes, split, targets
from phantomloom.structures import label
from phantomloom.volume import Volume

RECIPE = loop.Recipe(
    steps=4,
    patch=(16, 32, 32),
    features=(4, 4, 4),
    learning_rate=1e-2,
    average_decay=0.9,
    seed=3,
    save_every=2,
)


def person(name="ann"):
    """A block of muscle in a coat of fat, with a liver and a vertebra."""
    hu = np.full((24, 48, 48), -1000, np.int16)
    hu[:, 6:42, 6:42] = -100
    hu[:, 10:38, 10:38] = 40
    labels = np.zeros(hu.shape, np.uint8)
    labels[4:16, 14:26, 12:24] = label("liver")
    labels[:, 30:34, 22:27] = label("vertebrae_L1")
    hu[labels == label("vertebrae_L1")] = 500
    return TrainingCase(name, Volume(hu, (3.0, 3.0, 3.0)), Volume(labels, (3.0, 3.0, 3.0)))


def test_each_model_learns_its_own_structures_and_the_body_model_the_tissues():
    assert classes([person()]) == {
        "skeleton": ("vertebrae_L1",),
        "abdomen": ("liver",),
        "torso": (),
        "body": ("body", "subcutaneous_fat", "muscles", "bones", "visceral_fat"),
    }


def test_targets_are_class_indices_and_the_body_model_covers_the_whole_body():
    case = person()
    skeleton, abdomen, torso, body = targets(case, classes([case]))
    assert ((skeleton == 1) == (case.labels.array == label("vertebrae_L1"))).all()
    assert ((abdomen == 1) == (case.labels.array == label("liver"))).all()
    assert not torso.any()
    assert ((body > 0) == (case.ct.array > -500)).mean() > 0.98
    assert (body[skeleton == 1] == 4).all()
    assert (body[abdomen == 1] == 1).all()


def test_a_sample_depends_on_seed_and_number_alone():
    cases = [person()]
    patches = Patches(cases, classes(cases), (16, 32, 32), seed=5, samples=10)
    again = Patches(cases, classes(cases), (16, 32, 32), seed=5, samples=10)
    other = Patches(cases, classes(cases), (16, 32, 32), seed=6, samples=10)
    _ = again[7]
    assert torch.equal(patches[3].image, again[3].image)
    assert torch.equal(patches[3].target, again[3].target)
    assert not torch.equal(patches[3].image, other[3].image)


def test_samples_deform_image_and_labels_together():
    """Bone is the only bright structure: wherever it goes, its label goes."""
    cases = [person()]
    patches = Patches(cases, classes(cases), (16, 32, 32), seed=1, samples=12)
    agreement = []
    for i in range(12):
        sample = patches[i]
        bright, bone = sample.image[2] > -0.75, sample.target[0] == 1
        if bone.sum() > 100:
            agreement.append(float((bright & bone).sum() / bone.sum()))
    assert len(agreement) > 3
    assert np.median(agreement) > 0.7


def test_samples_never_mirror_the_body():
    """The liver lies to the right (low x) of the vertebra in every patch that shows both."""
    cases = [person()]
    patches = Patches(cases, classes(cases), (16, 48, 48), seed=2, samples=15)
    seen = 0
    for i in range(15):
        _, target, _ = patches[i]
        liver, bone = (np.argwhere(target[head].numpy() == 1) for head in (1, 0))
        if len(liver) > 500 and len(bone) > 100:
            seen += 1
            assert liver[:, 2].mean() < bone[:, 2].mean()
    assert seen > 3


def run(folder, steps=None, stop_at=None):
    recipe = RECIPE if steps is None else RECIPE._replace(steps=steps)
    cases = [person()]
    if stop_at is not None:
        keep = loop._save

        def save_and_die(state, step, *rest):
            keep(state, step, *rest)
            if step == stop_at:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "_save", save_and_die)
            with pytest.raises(KeyboardInterrupt):
                loop.train(cases, classes(cases), recipe, folder, "cpu")
        return None
    return loop.train(cases, classes(cases), recipe, folder, "cpu")


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path):
    whole = run(tmp_path / "whole")
    run(tmp_path / "killed", stop_at=2)
    resumed = run(tmp_path / "killed")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    (state,) = (tmp_path / "killed").glob("state-*.pt")
    assert torch.load(state, weights_only=True)["step"] == 4


def test_a_run_never_goes_on_from_the_state_of_another_recipe(tmp_path):
    first = run(tmp_path)
    cases = [person()]
    other = loop.train(cases, classes(cases), RECIPE._replace(seed=4), tmp_path, "cpu")
    assert not torch.equal(first["head.bias"], other["head.bias"])


def test_the_loss_falls(tmp_path):
    run(tmp_path, steps=40)
    losses = [
        json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()
    ]
    assert len(losses) == 2
    assert all(later < earlier for earlier, later in pairwise(losses))


def test_each_model_gets_the_trunk_and_its_own_rows_of_the_head(tmp_path):
    weights = run(tmp_path)
    learnt = classes([person()])
    parts = split(weights, learnt)
    rows = [parts[model]["head.bias"] for model in learnt]
    assert [len(row) for row in rows] == [8 * (1 + len(names)) for names in learnt.values()]
    assert torch.equal(torch.cat(rows), weights["head.bias"])
