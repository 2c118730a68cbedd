"""Targets, samples and the loop on a body of boxes."""

import json
import re
from contextlib import nullcontext
from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
import yaml
from house import ROOT
from safetensors.torch import load_file, save_file

from phantomloom.io import lines
from phantomloom.schemes import named_in
from phantomloom.segmentation.network import BlockUNet
from phantomloom.segmentation.training import bundles, loop, objective
from phantomloom.segmentation.training.absence import FEWEST
from phantomloom.segmentation.training.adjustment import SHARE
from phantomloom.segmentation.training.kept import check_kept
from phantomloom.segmentation.training.progress import Log
from phantomloom.segmentation.training.samples import Material, Patches
from phantomloom.segmentation.training.targets import (
    BODY,
    LEVELS,
    TrainingCase,
    classes,
    lesson,
    of_person,
    of_scan,
    people,
    split,
    tissue_truth,
    without_levels,
)
from phantomloom.segmentation.windows import WINDOWS_HU
from phantomloom.structures import MODELS, by_id, label, structures
from phantomloom.volume import Volume

RECIPE = loop.Recipe(
    steps=4,
    spacing_mm=3.0,
    patch=(16, 32, 32),
    features=(4, 4, 4),
    learning_rate=1e-2,
    average_decay=0.9,
    shares={"scan": 1},
    seed=3,
    save_every=2,
)
HELD = {"liver", "vertebrae_L1", "vertebrae_L2"}
CONTRAST = torch.zeros(2, 256)


def images():
    """HU and labels of a block of muscle in a coat of fat, with a liver and a vertebra."""
    hu = np.full((24, 48, 48), -1000, np.int16)
    hu[:, 6:42, 6:42] = -100
    hu[:, 10:38, 10:38] = 40
    labels = np.zeros(hu.shape, np.uint8)
    labels[4:16, 14:26, 12:24] = label("liver")
    labels[:, 30:34, 22:27] = label("vertebrae_L1")
    hu[labels == label("vertebrae_L1")] = 500
    return Volume(hu, (3.0, 3.0, 3.0)), Volume(labels, (3.0, 3.0, 3.0))


def scan(held=HELD):
    return of_scan("ann", *images(), held)


def stylised():
    """The same body as a person of whom all is known."""
    case = scan()
    return of_person("7", case.hu, case.labels)


def patches(cases, shape=(16, 32, 32), seed=5, kind="scan"):
    material = Material(cases, cases, CONTRAST)
    return Patches(material, classes(cases), shape, 3.0, {kind: 1}, seed, 20)


def test_each_model_learns_its_own_structures_that_occur_and_the_body_model_the_tissues():
    learnt = classes([scan()])
    assert learnt == {
        "skeleton": ("vertebrae_L1",),
        "abdomen": ("liver",),
        "torso": (),
        "body": BODY,
    }


def test_every_voxel_of_the_body_has_a_structure_or_a_tissue_and_none_outside():
    case = scan()
    assert torch.equal(case.labels > 0, case.hu > -500)
    assert case.labels[10, 20, 18] == label("liver")
    tissues = tissue_truth(case.labels.numpy())
    assert by_id()[tissues[10, 32, 24]].name == "bones"
    assert by_id()[tissues[10, 20, 18]].name == "body"
    assert {by_id()[i].name for i in np.unique(tissues) if i} <= set(BODY)


def test_what_labels_cannot_show_shares_the_group_of_the_background():
    of_class, of_id = lesson(frozenset({"liver"}), ("spleen", "liver", "colon"))
    assert of_class.tolist() == [0, 0, 1, 0]
    assert of_id[label("liver")] == 1
    assert of_id[label("spleen")] == of_id[label("muscles")] == 0


def test_chambers_that_labels_do_not_tell_apart_share_the_group_of_the_heart():
    learnt = ("aorta", "myocardium", "heart_atrium_left", "spinal_cord")
    of_class, of_id = lesson(frozenset({"heart", "aorta"}), learnt)
    assert of_class.tolist() == [0, 1, 2, 2, 0]
    assert (of_id[label("aorta")], of_id[label("heart")]) == (1, 2)


def test_a_scan_without_levels_teaches_that_a_vertebra_is_one_and_which_it_cannot_be():
    ct, labels = images()
    labels.array[8:12, 30:34, 22:26] = label("vertebrae_L1")
    case = without_levels(of_scan("ann", ct, labels, {*LEVELS, "liver"}))
    case = case._replace(held=case.held | {"vertebrae_C1"})  # as it would lie beyond the scan
    learnt = ("vertebrae_C1", "vertebrae_L1", "vertebrae_L2", "sacrum")
    of_class, of_id = lesson(case.held, learnt)
    assert of_class.tolist() == [0, 1, 2, 2, 0]
    assert of_id[[label("vertebrae_L1"), label("vertebrae_C1")]].tolist() == [2, 1]
    assert classes([case])["skeleton"] == ()  # people say which levels there are


def test_a_scan_of_some_levels_says_nothing_of_vertebrae_where_it_tells_no_levels():
    """Of what is no L1 nobody knows whether it is a vertebra; that L1 is bone it still teaches."""
    case = without_levels(of_scan("ann", *images(), {"vertebrae_L1", "liver"}))
    assert case.held == {"liver", *BODY}
    of_class, of_id = lesson(case.held, ("vertebrae_L1", "vertebrae_L2", "sacrum"))
    assert not of_class.any() and not of_id.any()
    tissues = lesson(case.held, BODY).group_of_id
    assert tissues[label("vertebrae_L1")] == 1 + BODY.index("bones")


@pytest.mark.parametrize("levels", ["people", "scans"])
@pytest.mark.parametrize("shares", [{"scan": 1}, {"stylised": 0.5, "scan": 0.5}])
def test_people_tell_what_cannot_be_in_scans_even_where_they_do_not_teach(levels, shares):
    """A scan shows three bones, and ends far below the skull."""
    whole = torch.zeros(110, 4, 4, dtype=torch.uint8)
    for low, name in ((0, "hip_left"), (5, "sacrum"), (10, "vertebrae_L3"), (100, "skull")):
        whole[low : low + 5] = label(name)
    taught = [of_person("7", whole.short(), whole)] * FEWEST
    scan = of_person("ann", whole[:40].short(), whole[:40])
    scan = scan._replace(held=frozenset({"sacrum", *LEVELS, *BODY}))
    material = Material.of(taught, [scan], CONTRAST, shares, levels)
    assert material.people == (taught if "stylised" in shares else [])
    (case,) = material.scans
    assert "skull" in case.held and "sacrum" in case.held
    assert ("vertebrae_L3" in case.held) == (levels == "scans")
    alone = Material.of([], [scan], CONTRAST, shares, "scans").scans
    assert alone == [scan]


def test_a_scheme_tells_which_structures_its_labels_can_show():
    assert {"liver", "rib_left_7", "costal_cartilages"} <= named_in("total")
    assert not {"brachial_plexus_left", "face", "muscles"} & named_in("total")


def test_what_is_not_held_is_part_of_the_nearest_around_it_that_is():
    """A lens lies in a globe, and that in a face."""
    of_class, of_id = lesson(frozenset({"face"}), ("eye_lens_left", "eye_globe_left"))
    assert of_class.tolist() == [0, 1, 1]
    assert of_id[label("face")] == 1


def test_a_part_that_labels_show_but_do_not_hold_teaches_the_whole():
    held = frozenset({"heart", *BODY})
    of_class, of_id = lesson(held, ("myocardium", "aorta"))
    assert of_class.tolist() == [0, 1, 0]
    assert of_id[[label(n) for n in ("heart", "myocardium", "aorta")]].tolist() == [1, 1, 0]


def test_lung_that_no_lobe_claimed_teaches_the_nearest_lobe():
    ct, labels = images()
    left, right = label("lung_lower_lobe_left"), label("lung_lower_lobe_right")
    labels.array[4:16, 14:26, 12:16], labels.array[4:16, 14:26, 16:17] = right, label("lung")
    labels.array[4:16, 14:26, 18:24], labels.array[4:16, 14:26, 17:18] = left, label("lung")
    found = of_scan("ann", ct, labels, {"lung_lower_lobe_left", "lung_lower_lobe_right"}).labels
    assert (found[4:16, 14:26, 16] == right).all() and (found[4:16, 14:26, 17] == left).all()


def test_what_no_case_holds_is_not_learnt_though_its_labels_show_some_of_it():
    assert classes([scan(held={"liver"})])["skeleton"] == ()


def test_gas_that_a_merged_map_tells_apart_teaches_the_organ_around_it():
    ct, labels = images()
    labels.array[labels.array == label("liver")] = label("stomach")
    held = {*HELD, "stomach", "gas"}
    around = of_scan("ann", ct, labels, held)
    labels.array[8:14, 16:24, 14:22] = label("gas")
    assert torch.equal(of_scan("ann", ct, labels, held).labels, around.labels)
    labels.array[4:8, 30:34, 12:16] = label("gas")  # beside no bowel: of an airway
    apart = of_scan("ann", ct, labels, held).labels
    assert (apart[4:8, 30:34, 12:16] == label("gas")).all()


def test_a_case_comes_back_as_it_was_written(tmp_path):
    case = scan()
    case.write(tmp_path / "ann.safetensors")
    again = TrainingCase.read(tmp_path / "ann.safetensors")
    assert torch.equal(again.hu, case.hu)
    assert torch.equal(again.labels, case.labels)
    assert again._replace(hu=0, labels=0) == case._replace(hu=0, labels=0)


def test_a_file_of_people_gives_its_cases_in_order():
    case = scan()
    tensors = {f"{n}/{k}": getattr(case, k) for n in ("12", "11") for k in ("hu", "labels")}
    first, second = people(tensors)
    assert (first.name, second.name) == ("11", "12")
    assert first.held >= set(structures())


@pytest.mark.parametrize("kind", ["scan", "synthesised", "stylised"])
def test_a_sample_depends_on_seed_and_number_alone(kind):
    cases = [stylised()]
    one, again, other = (patches(cases, seed=seed, kind=kind) for seed in (5, 5, 6))
    _ = again[7]
    assert torch.equal(one[3].image, again[3].image)
    assert torch.equal(one[3].target, again[3].target)
    assert not torch.equal(one[3].image, other[3].image)


@pytest.mark.parametrize("kind", ["scan", "stylised"])
def test_samples_deform_image_and_labels_together(kind):
    """Bone is the only bright structure: wherever it goes, its label goes."""
    made = patches([stylised()], kind=kind)
    agreement = []
    for i in range(12):
        image, target, _ = made[i]
        bright, bone = image[2] > -0.75, target[0] == 1
        if bone.sum() > 100:
            agreement.append(float((bright & bone).sum() / bone.sum()))
    assert len(agreement) > 3
    assert np.median(agreement) > 0.7


def test_a_mirrored_scan_teaches_the_skeleton_with_sides_swapped_and_no_organ():
    """Ribs stay on their side of the image; a patch that shows the liver is never mirrored."""
    ct, labels = images()
    labels.array[:, 20:24, 28:36] = label("rib_left_9")  # left of the liver: at higher x
    labels.array[:, 20:24, 8:12] = label("rib_right_9")
    case = of_scan("ann", ct, labels, {*HELD, "rib_left_9", "rib_right_9"})
    made = patches([case], shape=(16, 48, 48))
    mirrored = 0
    for i in range(20):
        _, target, groups = made[i]
        left, right = (np.argwhere(target[0].numpy() == k) for k in (2, 3))
        if len(left) > 50 and len(right) > 50:
            assert left[:, 2].mean() > right[:, 2].mean()
        if groups[1].tolist() == [0, 0]:  # the liver counts as background
            mirrored += 1
            assert not target[1].any()
    assert 0 < mirrored < 10


def run(folder, steps=None, stop_at=None, seed=RECIPE.seed, first=None):
    recipe = RECIPE._replace(steps=steps or RECIPE.steps, seed=seed)
    material, watched = Material([], [scan()], CONTRAST), Material([stylised()], [], CONTRAST)
    arguments = (material, watched, classes([scan()]), recipe, folder, "cpu", first)
    if stop_at is None:
        return loop.train(*arguments)
    keep = loop._save

    def save_and_die(state, step, *rest):
        keep(state, step, *rest)
        if step == stop_at:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "_save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            loop.train(*arguments)
    return None


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU multiplies no bfloat16"
)
@pytest.mark.parametrize("depth", [16, 24, 32])
def test_gradients_are_those_of_float32_where_the_machine_multiplies_bfloat16(depth, monkeypatch):
    """Memory that was just freed is no number: what a kernel forgets to write shows."""
    learnt, sample = classes([scan()]), patches([scan()], shape=(depth, 32, 32))[0]
    sizes = [1 + len(names) for names in learnt.values()]
    torch.manual_seed(0)
    network = BlockUNet(3, sum(sizes), (8, 8, 8))
    deep = objective.Deep(network, sum(sizes), (8, 8, 8))

    def gradients():
        network.zero_grad()
        for count in (10, 1000, 10_000, 100_000):
            torch.full((count,), torch.nan)
        objective.losses(network, deep, sample, sizes, 0).mean().backward()
        return torch.cat([p.grad.flatten() for p in network.unet.parameters()])

    found = gradients()
    monkeypatch.setattr(objective, "_multiplies_bfloat16", lambda *_: False)
    apart = (found - gradients()).norm() / gradients().norm()
    assert apart < 0.3


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole").weights
    run(tmp_path / "killed", stop_at=2)
    losses, seeds = objective.losses, []
    monkeypatch.setattr(objective, "losses", lambda *its: (seeds.append(its[-1]), losses(*its))[1])
    resumed = run(tmp_path / "killed").weights
    assert seeds == [RECIPE.seed + 2, RECIPE.seed + 3]  # of the steps that were left
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert torch.load(tmp_path / "killed/state.pt", weights_only=True)["step"] == 4


def test_samples_that_wait_fit_into_the_shared_memory_of_a_container(monkeypatch):
    """Of the patch and the four models of the config: bytes of float32 windows, uint8 targets."""
    patch = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]["network"]["patch"]
    sample, made = prod(patch) * (4 * len(WINDOWS_HU) + len(MODELS)), []
    monkeypatch.setattr(loop, "DataLoader", lambda *_, **its: made.append(its) or [])
    assert not list(loop._stream(patches([scan()]), 0))
    in_use = 2  # the last, until the next has its name
    waiting = made[0]["num_workers"] * made[0]["prefetch_factor"]
    assert (waiting + in_use) * sample <= 64 * 2**20


def test_all_that_decides_the_result_makes_another_run_and_how_often_it_is_saved_does_not():
    def of(case=None, recipe=RECIPE, first=None, code="", learnt=None):
        case = case or scan()
        material = Material([], [case], CONTRAST)
        return loop.identity(material, learnt or classes([case]), recipe, first, code)

    fitted = loop.Fitted({"bias": torch.ones(2)}, {}, {})
    others = [
        of(recipe=RECIPE._replace(seed=4)),
        of(recipe=RECIPE._replace(steps=5)),
        of(scan(held={*HELD, "spleen"})),
        of(code="other"),
        of(learnt={"abdomen": ("liver",)}),
        of(first=fitted),
        of(first=fitted._replace(weights={"bias": torch.zeros(2)})),
    ]
    assert len({of(), *others}) == 1 + len(others)
    assert of(recipe=RECIPE._replace(save_every=1)) == of()


@pytest.mark.parametrize("part", ["hu", "labels"])
def test_a_voxel_of_a_case_that_changes_makes_another_run_of_it(part):
    case, changed = scan(), scan()
    getattr(changed, part)[3, 20, 20] += 1
    its = [
        loop.identity(Material([], [one], CONTRAST), classes([case]), RECIPE, None, "")
        for one in (case, scan(), changed)
    ]
    assert its[0] == its[1] != its[2]


def test_a_run_begins_with_the_weights_of_another_and_a_head_of_its_own_classes(tmp_path):
    before = run(tmp_path / "before")
    before.write(tmp_path / "weights.safetensors", {})
    read = loop.Fitted.read(tmp_path / "weights.safetensors")
    assert read.learnt == before.learnt and read.voxels == before.voxels
    still = RECIPE._replace(learning_rate=1e-12, steps=1)
    material = Material([], [scan()], CONTRAST), Material([stylised()], [], CONTRAST)
    same = loop.train(*material, before.learnt, still, tmp_path / "same", "cpu", read).weights
    more = before.learnt | {"abdomen": ("colon", "liver")}
    other = loop.train(*material, more, still, tmp_path / "other", "cpu", read).weights
    kept = {name: value.half().float() for name, value in before.weights.items()}
    assert all(torch.allclose(same[name], kept[name], atol=1e-6) for name in same)
    for name in same:  # the colon is the first of its model; rows are of 8 voxels a class
        its, new = other[name], list(more).index("abdomen")
        if name.startswith("head."):
            place = sum(1 + len(more[model]) for model in list(more)[:new]) + 1
            its = torch.cat([its[: 8 * place], its[8 * place + 8 :]])
        assert torch.allclose(its, kept[name], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": 5}, "was trained with steps 4 (5 in the config); set it to null"),
        ({"shares": {"stylised": 1}}, "shares {'scan': 1} ({'stylised': 1} in the config)"),
        ({"save_every": 1}, None),
    ],
)
def test_kept_weights_of_another_recipe_are_told(tmp_path, change, told):
    path = tmp_path / "kept.safetensors"
    loop.Fitted({"bias": torch.ones(2)}, {}, {}).write(path, RECIPE._asdict())
    settings = json.loads(json.dumps(RECIPE._replace(**change)._asdict()))
    with pytest.raises(ValueError, match=re.escape(told)) if told else nullcontext() as error:
        check_kept(path, settings, "its.key")
    assert told is None or str(error.value).startswith(f"its.key: {path}")


def test_kept_weights_that_are_none_are_told(tmp_path):
    path = tmp_path / "kept.safetensors"
    with pytest.raises(FileNotFoundError, match=r"its.key: there are no weights .*kept\.safetens"):
        check_kept(path, {}, "its.key")
    for write in (
        lambda: path.write_text("pointer"),
        lambda: save_file({"a": torch.ones(1)}, path),
        lambda: save_file({"a": torch.ones(1)}, path, {"settings": "{}", "learnt": "{}"}),
    ):
        write()
        with pytest.raises(ValueError, match="holds no weights of a training run"):
            check_kept(path, {}, "its.key")


def test_the_log_tells_loss_speed_waiting_and_dice_and_the_loss_falls(tmp_path):
    run(tmp_path, steps=40)
    its = lines.read(tmp_path / "log.jsonl")
    losses = [line["loss"] for line in its if "loss" in line]
    assert len(losses) == 2
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert all(0 <= line["waiting_share"] <= 1 for line in its if "loss" in line)
    assert [line["step"] for line in its if "dice" in line] == list(range(2, 41, 2))
    assert all(0 <= line["dice"] <= 1 for line in its if "dice" in line)


def test_a_line_of_the_log_is_of_all_its_steps_wherever_dice_is_told_between(tmp_path):
    log = Log(tmp_path / "log.jsonl", 0)
    for step in range(1, 21):
        log.add(step, 20, torch.tensor([float(step)]), ["torso"])
        with log.aside():
            log.write({"step": step, "dice": 0.5})
    (line,) = [line for line in lines.read(tmp_path / "log.jsonl") if "loss" in line]
    assert line["loss"] == line["losses"]["torso"] == 10.5


def test_the_last_steps_have_a_line_where_they_make_no_whole_one(tmp_path):
    log = Log(tmp_path / "log.jsonl", 0)
    for step in range(1, 24):
        log.add(step, 23, torch.tensor([float(step)]), ["torso"])
    assert [(its["step"], its["loss"]) for its in lines.read(tmp_path / "log.jsonl")] == [
        (20, 10.5),
        (23, 22.0),
    ]


def test_each_model_gets_the_trunk_and_its_own_rows_of_the_head(tmp_path):
    weights, learnt, _ = run(tmp_path)
    parts = split(weights, learnt)
    rows = [parts[model]["head.bias"] for model in learnt]
    assert [len(row) for row in rows] == [8 * (1 + len(names)) for names in learnt.values()]
    assert torch.equal(torch.cat(rows), weights["head.bias"])


def test_bundles_take_part_of_the_weights_of_the_loss_back(tmp_path):
    fitted = run(tmp_path / "run")
    bundles.write(tmp_path, fitted, RECIPE)
    parts = split(fitted.weights, fitted.learnt)
    for model, names in fitted.learnt.items():
        found = load_file(tmp_path / model / "models/model.safetensors")["head.bias"].float()
        more = found - parts[model]["head.bias"]
        expected = (
            torch.tensor([*fitted.voxels[model].values()]).log().repeat_interleave(8) * SHARE / 2
        )
        assert list(fitted.voxels[model]) == ["", *names]
        assert len(found) == 8 * (1 + len(names))
        assert torch.allclose(more, expected, atol=4e-3)
