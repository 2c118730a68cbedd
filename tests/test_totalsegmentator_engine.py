"""The TotalSegmentator engine against the package's own command, on weights in its layout."""

import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from evil import Evil

from phantomloom.io import nifti
from phantomloom.schemes import translated
from phantomloom.segmentation.checkpoints import UNUSABLE, loading_checkpoints
from phantomloom.segmentation.outside_networks import MM, body, train
from phantomloom.segmentation.totalsegmentator import segment
from phantomloom.structures import by_id, label

pytest.importorskip(
    "totalsegmentator", reason="TotalSegmentator is not installed; `make extras` installs it"
)

TRAINER = "nnUNetTrainer_4000epochs_NoMirroring"
FAST, ROUGH = (
    f"Dataset{number}_TotalSegmentator_total_{mm}mm_1559subj" for number, mm in ((297, 3), (298, 6))
)
FLIPPED = body((20, 26, 30), (2.5, 2.0, 3.5))
SCANS = {
    "anisotropic": body((16, 110, 160), MM["anisotropic"]),
    "flipped": FLIPPED,
}
COMMAND = f"""
import sys
sys.modules[{UNUSABLE!r}] = None
from totalsegmentator.bin.TotalSegmentator import main
for name in sys.argv[1:]:
    sys.argv = ["", "-i", f"{{name}}.nii.gz", "-o", f"{{name}}_labels.nii.gz", "--ml", "--fast"]
    sys.argv += ["--device", "cpu", "--nr_thr_saving", "1"]
    main()
"""


def total() -> dict[str, int]:
    from totalsegmentator.map_to_binary import class_map

    return {name: value for value, name in class_map["total"].items()}


@pytest.fixture(scope="module")
def random(tmp_path_factory):
    """Random weights of the fast model: what it says of a voxel depends on all around it."""
    root = tmp_path_factory.mktemp("random")
    with loading_checkpoints():
        train(root, FAST, total(), trainer=TRAINER)
    return root / "results"


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A network that has learnt three boxes by their HU, as the fast model and the roughest."""
    few, root = tmp_path_factory.mktemp("few"), tmp_path_factory.mktemp("learnt")
    labels = {"kidney_right": 1, "liver": 2, "kidney_left": 3}
    with loading_checkpoints():
        teacher = train(few, "Dataset001_Few", labels, steps=300, orientation="RAS")
        folder = train(root, FAST, total(), trainer=TRAINER)
        widen(teacher, folder, [0, *(total()[name] for name in labels)])
    copytree(folder, root / "results" / ROUGH / folder.name)
    return root / "results"


def widen(source: Path, target: Path, channels: list[int]) -> None:
    """Give ``target`` the weights of ``source``, whose outputs become its ``channels``."""
    file = "fold_0/checkpoint_final.pth"
    taught, wide = (torch.load(folder / file) for folder in (source, target))
    for name, weight in taught["network_weights"].items():
        here = wide["network_weights"][name]
        if here.shape == weight.shape:
            here.copy_(weight)
        else:
            here.fill_(-30.0 if name.endswith("bias") else 0.0)[channels] = weight
    torch.save(wide, target / file)


@pytest.fixture(scope="module")
def own_labels(random, tmp_path_factory):
    """What the package's own command says of the two files, turned to LPS."""
    here, home = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("home")
    for name, ct in SCANS.items():
        nifti.write(ct, here / f"{name}.nii.gz")
    stored = here / "flipped.nii.gz"
    sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(stored), "RAI"), stored)
    settings = {"totalseg_id": "", "send_usage_stats": False, "prediction_counter": 0}
    (home / "config.json").write_text(json.dumps(settings))
    places = {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": str(random)}
    threads = {"OMP_NUM_THREADS": "1", "nnUNet_def_n_proc": "1"}
    run = [sys.executable, "-c", COMMAND, *SCANS]
    done = subprocess.run(
        run, env=os.environ | places | threads, cwd=here, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: nifti.read(here / f"{name}_labels.nii.gz") for name in SCANS}


def environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}


@pytest.fixture
def kept_off(monkeypatch, tmp_path):
    """A home that must stay empty, and no way out."""

    def refuse(*arguments, **options):
        raise AssertionError(f"the engine called {arguments}")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TOTALSEG_HOME_DIR", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = environment()
    yield
    assert environment() == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SCANS)
def test_the_labels_are_those_of_the_packages_own_command(random, own_labels, name, kept_off):
    labels = segment(SCANS[name], random, "cpu", fast=True).labels
    expected = own_labels[name]
    assert labels.same_grid(expected)
    assert np.array_equal(labels.array, translated(expected.array, "total"))
    assert (np.bincount(labels.array.ravel()) > 20).sum() > 10  # or it would say little


def test_left_is_left_and_right_is_right(learnt):
    ct = SCANS["anisotropic"]
    found = segment(ct, learnt, "cpu", fast=True)
    x = np.argwhere(found.labels.array == label("kidney_left"))[:, 2].mean()
    assert x > 0.6 * ct.array.shape[2]  # x grows to the left
    x = np.argwhere(found.labels.array == label("kidney_right"))[:, 2].mean()
    assert x < 0.4 * ct.array.shape[2]
    present = {by_id()[i].name for i in np.unique(found.labels.array) if i}
    assert set(found.confidence) == present
    assert 0.8 < found.confidence["kidney_left"].probability < 1
    assert 0 < found.confidence["kidney_left"].boundary_entropy_bits < 2


def test_a_subset_holds_what_it_names(learnt, kept_off):
    ct = body()
    labels = segment(ct, learnt, "cpu", fast=True, roi_subset=["kidney_left"]).labels.array
    assert set(np.unique(labels)) == {0, label("kidney_left")}
    assert np.argwhere(labels)[:, 2].mean() > 0.6 * ct.array.shape[2]
    with pytest.raises(ValueError, match="task total has no kidny_left for roi_subset"):
        segment(ct, learnt, "cpu", roi_subset=["kidny_left"])


def test_threads_and_settings_of_torch_are_as_before(random):
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    segment(FLIPPED, random, "cpu", fast=True)
    assert (torch.get_num_threads(), torch.backends.cudnn.benchmark) == before


def test_missing_weights_are_named_with_their_address_and_place(random, kept_off):
    parts = r"Dataset291_TotalSegmentator_part1_organs_1559subj: .*https://github.com/.*/v2.0.0-"
    with pytest.raises(FileNotFoundError, match=parts + r".*291.*zip.*correct `weights`"):
        segment(FLIPPED, random, "cpu")
    with pytest.raises(FileNotFoundError, match="Dataset298_"):  # for the rough crop
        segment(FLIPPED, random, "cpu", fast=True, roi_subset=["liver"])
    assert [folder.name for folder in random.iterdir()] == [FAST]


def test_an_empty_folder_of_weights_is_missing_weights(tmp_path):
    (tmp_path / FAST / f"{TRAINER}__nnUNetPlans__3d_fullres/fold_0").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=FAST):
        segment(FLIPPED, tmp_path, "cpu", fast=True)


def test_weights_of_an_old_version_are_left_alone(random, tmp_path):
    """The package itself would delete them."""
    copytree(random, tmp_path / "weights")
    old = tmp_path / "weights/nnUNet/3d_fullres/Task256_TotalSegmentator_3mm_1139subj"
    old.mkdir(parents=True)
    segment(FLIPPED, tmp_path / "weights", "cpu", fast=True)
    assert old.is_dir()


def test_a_task_under_licence_asks_for_it(tmp_path, kept_off):
    with pytest.raises(PermissionError, match="heartchambers_highres needs a licence: https://"):
        segment(FLIPPED, tmp_path, "cpu", task="heartchambers_highres")


def test_an_unknown_task_is_told_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"no task 'totl', but total, .*body"):
        segment(FLIPPED, tmp_path, "cpu", task="totl")


def test_a_checkpoint_with_code_raises_and_the_code_does_not_run(random, tmp_path):
    copytree(random, tmp_path / "weights")
    (checkpoint,) = (tmp_path / "weights").rglob("checkpoint_final.pth")
    content = torch.load(checkpoint, weights_only=False)
    torch.save(content | {"_best_ema": Evil(tmp_path / "victim")}, checkpoint)
    with pytest.raises(pickle.UnpicklingError):
        segment(FLIPPED, tmp_path / "weights", "cpu", fast=True)
    assert not (tmp_path / "victim").exists()


def test_without_the_extras_the_engine_says_how_to_get_them(random, monkeypatch):
    monkeypatch.setitem(sys.modules, "totalsegmentator", None)
    with pytest.raises(ModuleNotFoundError, match=r"totalsegmentator.*`make extras`"):
        segment(FLIPPED, random, "cpu")
