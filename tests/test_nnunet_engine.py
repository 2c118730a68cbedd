"""The nnU-Net engine against nnU-Net's own command, on networks that nnU-Net made here."""

import json
import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from evil import Evil
from scipy.stats import entropy

from phantomloom.io import nifti
from phantomloom.segmentation import nnunet, nnunet_scores
from phantomloom.segmentation.agreement import dice
from phantomloom.segmentation.outside_networks import HU, MM, body, train
from phantomloom.structures import label, structures

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed; `make extras` installs it")

segment = partial(nnunet.segment, orientation="LPS")
LABELS = {"kidney_right": 1, "liver": 2, "kidney_left": 3}
MANY = {s.name: i for i, s in enumerate(list(structures().values())[:12], 1)}
SCANS = {
    "isotropic": body(),
    "anisotropic": body((16, 110, 160), MM["anisotropic"]),
    "flipped": body((20, 26, 30), (2.5, 2.0, 3.5)),
}


@pytest.fixture(scope="module")
def random(tmp_path_factory):
    """Two folds of random weights, which make every label depend on all voxels around."""
    return train(tmp_path_factory.mktemp("random"), "Dataset900_Random", MANY, folds=(0, 1))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A network that has learnt three boxes by their HU, as nnUNet_results/Dataset1004_*."""
    return train(tmp_path_factory.mktemp("learnt"), "Dataset1004_Boxes", LABELS, steps=300)


@pytest.fixture(scope="module")
def own_labels(random, tmp_path_factory):
    """What nnU-Net's own command says of the three files, turned to LPS."""
    here = tmp_path_factory.mktemp("own")
    for name, ct in SCANS.items():
        nifti.write(ct, here / f"in/{name}_0000.nii.gz")
    stored = here / "in/flipped_0000.nii.gz"
    sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(stored), "RAS"), stored)
    command = Path(sys.executable).parent / "nnUNetv2_predict_from_modelfolder"
    options = ["-f", "0", "1", "-device", "cpu", "-npp", "1", "-nps", "1", "--disable_progress_bar"]
    run = [command, "-i", here / "in", "-o", here / "out", "-m", random, *options]
    threads = {"OMP_NUM_THREADS": "1", "nnUNet_def_n_proc": "1"}
    done = subprocess.run(run, env=os.environ | threads, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: nifti.read(here / f"out/{name}.nii.gz") for name in SCANS}


def ids_of(labels: dict[str, int]) -> np.ndarray:
    return np.array([0, *map(label, labels)])


@pytest.mark.parametrize(
    ("name", "orientation"), [("isotropic", "LPS"), ("anisotropic", "LPS"), ("flipped", "RAS")]
)
def test_the_labels_are_those_of_nnunets_own_command(random, own_labels, name, orientation):
    labels = segment(SCANS[name], random, "cpu", orientation=orientation).labels
    expected = own_labels[name]
    assert labels.same_grid(expected)
    assert np.array_equal(labels.array, ids_of(MANY)[expected.array])
    assert (np.bincount(labels.array.ravel()) > 100).sum() > 4  # or it would say little


def test_orientation_mirroring_and_folds_are_heeded(random):
    ct = SCANS["flipped"]
    first = segment(ct, random, "cpu", folds=[0]).labels.array
    assert not np.array_equal(first, segment(ct, random, "cpu").labels.array)
    others = ({"mirroring": False}, {"orientation": "RAS"}, {"orientation": "LPI"})
    for other in others:
        assert not np.array_equal(
            first, segment(ct, random, "cpu", folds=[0], **other).labels.array
        )


def test_plans_whose_reader_turns_images_to_ras_are_followed(random, tmp_path):
    copy = copy_of(random, tmp_path)
    rewrite(copy / "plans.json", image_reader_writer="NibabelIOWithReorient")
    there = nnunet.segment(SCANS["flipped"], copy, "cpu").labels.array
    assert np.array_equal(
        there, segment(SCANS["flipped"], random, "cpu", orientation="RAS").labels.array
    )


@pytest.mark.parametrize("name", MM)
def test_left_is_left_and_right_is_right(learnt, name):
    found = segment(SCANS[name], learnt, "cpu")
    x = np.arange(SCANS[name].array.shape[2])
    means = {s: (found.labels.array == label(s)).sum((0, 1)) @ x for s in LABELS}
    counts = {s: (found.labels.array == label(s)).sum() for s in LABELS}
    assert means["kidney_left"] / counts["kidney_left"] > 0.6 * len(x)  # x grows to the left
    assert means["kidney_right"] / counts["kidney_right"] < 0.4 * len(x)
    for structure, hu in HU.items():
        expected = np.abs(SCANS[name].array - hu) < 40
        assert dice(found.labels.array == label(structure), expected) > 0.8
        assert found.confidence[structure].probability > 0.8
        assert 0 < found.confidence[structure].boundary_entropy_bits < 1
    assert found.training_scans is None


def test_scores_kept_in_a_file_give_the_same_labels(random, monkeypatch):
    for ct in (body((60, 30, 44)), SCANS["flipped"]):
        expected = segment(ct, random, "cpu", mirroring=False)
        with monkeypatch.context() as small:
            small.setattr(nnunet_scores, "SCORES_BYTES", 1)
            found = segment(ct, random, "cpu", mirroring=False)
        assert (found.labels.array == expected.labels.array).mean() > 0.999  # half precision
        for structure, sure in expected.confidence.items():
            assert found.confidence[structure] == pytest.approx(sure, abs=2e-3)


def test_class_by_class_gives_argmax_softmax_and_entropy():
    draw = np.random.default_rng(5)
    scores = draw.normal(0, 4, (7, 3, 4, 5)).astype(np.float16)
    scores[3, 0] = scores[5, 0]  # equals: the first wins
    ids = np.array([0, 40, 41, 42, 43, 44, 45], np.uint8)
    labels, certainty, bits = nnunet._decide(iter(scores), ids)
    parts = np.exp(scores.astype(float)) / np.exp(scores.astype(float)).sum(0)
    assert np.array_equal(labels, ids[scores.argmax(0)])
    assert certainty == pytest.approx(parts.max(0), abs=1e-3)
    assert bits == pytest.approx(entropy(parts, base=2, axis=0), abs=2e-3)


def test_a_padding_of_zeros_stays_background(random):
    ct = body()
    ct.array[:, :4] = 0
    labels = segment(ct, random, "cpu", mirroring=False).labels.array
    assert not labels[:, :4].any()
    assert labels[:, 4:].any()


def test_the_reference_sees_clipped_hu_at_its_spacing(learnt):
    results = learnt.parents[1]
    ct = body((36, 40, 50), (1.5, 1.5, 1.5))
    plain = segment(ct, learnt, "cpu", dataset=1004)
    metal = ct.with_array(np.where(ct.array > 330, 20_000, ct.array))
    clipped = ct.with_array(metal.array.clip(-1024, 3071))
    found = segment(metal, results, "cpu", dataset="skeleton")
    assert np.array_equal(found.labels.array, segment(clipped, learnt, "cpu").labels.array)
    assert np.array_equal(
        plain.labels.array, segment(ct, results, "cpu", dataset="1004").labels.array
    )
    coarse = body()
    labels = segment(coarse, results, "cpu", dataset="skeleton").labels
    own = segment(coarse, learnt, "cpu").labels
    assert labels.same_grid(coarse)
    assert dice(labels.array > 0, own.array > 0) > 0.9
    there, here = (np.argwhere(map).mean(0) for map in (labels.array, own.array))
    assert here == pytest.approx(there, abs=0.5)  # voxels: not shifted on the way


def copy_of(folder: Path, tmp_path: Path) -> Path:
    """A copy whose files can be changed; the checkpoints are links."""
    copy = tmp_path / folder.name
    for file in folder.rglob("*"):
        if file.suffix == ".json" and file.parent == folder:
            (copy / file.name).parent.mkdir(exist_ok=True, parents=True)
            (copy / file.name).write_text(file.read_text())
        elif file.name == nnunet.CHECKPOINT:
            (copy / file.parent.name).mkdir(parents=True)
            (copy / file.parent.name / file.name).symlink_to(file)
    return copy


def rewrite(file: Path, **changes) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("part", ["plans.json", "dataset.json", "fold_1/checkpoint_final.pth"])
def test_a_missing_part_is_named_with_the_cure(random, tmp_path, part):
    copy = copy_of(random, tmp_path)
    (copy / part).unlink()
    with pytest.raises(FileNotFoundError, match=f"{part}.*unpack it there, or correct `weights`"):
        segment(SCANS["flipped"], copy, "cpu", folds=[0, 1])


def test_a_missing_data_set_and_several_are_told(random, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Dataset1002_\*/TRAINER.*XCAT-2.0"):
        segment(SCANS["flipped"], tmp_path, "cpu", dataset="abdomen")
    for kind in ("3d_fullres", "3d_lowres"):
        copy_of(random, tmp_path / "Dataset1002_Abdomen").rename(
            tmp_path / f"Dataset1002_Abdomen/nnUNetTrainer__nnUNetPlans__{kind}x"
        )
    with pytest.raises(ValueError, match=r"3d_fullresx, .*3d_lowresx; name one as `weights`"):
        segment(SCANS["flipped"], tmp_path, "cpu", dataset="abdomen")
    with pytest.raises(ValueError, match=r"'abdomn'.* one of skeleton, others, abdomen"):
        segment(SCANS["flipped"], tmp_path, "cpu", dataset="abdomn")
    with pytest.raises(ValueError, match=r"'ASL'.*such as RAS"):
        segment(SCANS["flipped"], random, "cpu", orientation="ASL")


def test_unknown_labels_are_listed_all_at_once(random, tmp_path):
    copy = copy_of(random, tmp_path)
    labels = {"background": 0} | MANY
    labels |= {"widget": labels.pop("skull"), "gadget": labels.pop("sternum")}
    rewrite(copy / "dataset.json", labels=labels)
    with pytest.raises(ValueError, match=r"dataset.json: no structure goes by widget, gadget;"):
        segment(SCANS["flipped"], copy, "cpu")


def test_what_is_no_map_of_labels_from_one_ct_is_refused(random, tmp_path):
    copy = copy_of(random, tmp_path)
    rewrite(copy / "dataset.json", channel_names={"0": "CT", "1": "PET"})
    with pytest.raises(ValueError, match="it wants several images"):
        segment(SCANS["flipped"], copy, "cpu")
    rewrite(copy / "dataset.json", labels={"background": 0, "kidneys": [1, 2]})
    with pytest.raises(ValueError, match="its labels are regions that overlap"):
        segment(SCANS["flipped"], copy, "cpu")
    slices = train(tmp_path, "Dataset902_Slices", LABELS, configuration="2d")
    with pytest.raises(ValueError, match="it works on slices"):
        segment(SCANS["flipped"], slices, "cpu")


def test_a_checkpoint_with_code_raises_and_the_code_does_not_run(random, tmp_path):
    copy = copy_of(random, tmp_path)
    victim = tmp_path / "victim"
    checkpoint = copy / "fold_0" / nnunet.CHECKPOINT
    content = torch.load(checkpoint, weights_only=False)
    checkpoint.unlink()
    torch.save(content | {"_best_ema": Evil(victim)}, checkpoint)
    with pytest.raises(pickle.UnpicklingError):
        segment(SCANS["flipped"], copy, "cpu")
    assert not victim.exists()
    torch.load(checkpoint, weights_only=False)  # elsewhere nothing has changed, and it would run
    assert victim.exists()


def test_a_checkpoint_saved_with_numpy_1_is_read(random, tmp_path):
    copy = copy_of(random, tmp_path)
    checkpoint = copy / "fold_0" / nnunet.CHECKPOINT
    with ZipFile(checkpoint) as source, ZipFile(tmp_path / "older", "w") as target:
        parts = {name: source.read(name) for name in source.namelist()}
        (pickled,) = (name for name in parts if name.endswith("data.pkl"))
        assert b"numpy._core" in parts[pickled]
        parts[pickled] = parts[pickled].replace(b"numpy._core", b"numpy.core")
        for name, content in parts.items():
            target.writestr(name, content)
    checkpoint.unlink()
    (tmp_path / "older").rename(checkpoint)
    found = segment(SCANS["flipped"], copy, "cpu", folds=[0], mirroring=False).labels.array
    first = segment(SCANS["flipped"], random, "cpu", folds=[0], mirroring=False).labels.array
    assert np.array_equal(found, first)


def test_without_the_extras_the_engine_says_how_to_get_them(random, monkeypatch):
    monkeypatch.setitem(sys.modules, "nnunetv2", None)
    with pytest.raises(ModuleNotFoundError, match=r"nnunetv2.*`make extras`"):
        segment(SCANS["flipped"], random, "cpu")


def test_nobody_guesses_which_way_the_training_images_lay(random):
    """A network for RAS calls left right on LPS, and nothing else would tell."""
    with pytest.raises(ValueError, match=r"left and right depend.*say `orientation`"):
        nnunet.segment(SCANS["flipped"], random, "cpu")
