"""Networks as nnU-Net and TotalSegmentator store them, by nnU-Net's own planner and trainer.

For tests and benchmarks: made in seconds, of any size, and good for nothing else.
"""

import json
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from phantomloom.io import nifti
from phantomloom.volume import Volume

WINDOW = (16, 24, 24)
FEATURES = (6, 12, 12)
HU = {"kidney_right": 100, "liver": 200, "kidney_left": 300}  # of the tissues of `body`
MM = {"isotropic": (3.0, 3.0, 3.0), "anisotropic": (5.0, 0.8, 0.8)}


def body(shape=(26, 30, 44), spacing_mm=MM["isotropic"]) -> Volume:
    """HU [Z, Y, X] of noise around 0 in air, with three boxes: right, left and above the right."""
    z, y, x = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij")
    hu = np.where(np.hypot(x - 0.5, y - 0.5) < 0.48, 0, -1000)
    box = (np.abs(y - 0.6) < 0.2) & (np.abs(z - 0.35) < 0.2)
    hu[box & (np.abs(x - 0.3) < 0.12)] = HU["kidney_right"]  # x grows to the left
    hu[box & (np.abs(x - 0.7) < 0.12)] = HU["kidney_left"]
    hu[(z > 0.6) & (z < 0.9) & (np.abs(y - 0.4) < 0.2) & (np.abs(x - 0.35) < 0.2)] = HU["liver"]
    noise = np.random.default_rng(1).normal(0, 8, shape)
    return Volume((hu + noise).astype(np.int16), spacing_mm, (-7.0, 12.0, -31.0))


def truth(labels: dict) -> np.ndarray:
    """The labels [Z, Y, X] of `body`, by the tissues' HU."""
    hu = body().array
    found = np.zeros(hu.shape, np.uint8)
    for name in HU.keys() & labels.keys():
        found[np.abs(hu - HU[name]) < 40] = labels[name]
    return found


@contextmanager
def folders(root: Path):
    """Tell nnU-Net where its folders are, as its users do."""
    names = {f"nnUNet_{part}": str(root / part) for part in ("raw", "preprocessed", "results")}
    with patch.dict("os.environ", names):
        yield


def train(
    root: Path,
    dataset: str,
    labels: dict,
    spacing_mm=MM["isotropic"],
    trainer="nnUNetTrainer",
    steps=0,
    folds=(0,),
    configuration="3d_fullres",
    orientation="LPS",
    window=WINDOW,
    features=FEATURES,
) -> Path:
    """Plan and train a network in ``root``/results; return the trainer's folder.

    Without ``steps`` its weights are random, so that every voxel depends on all around it.
    ``orientation`` is LPS or RAS, of the images that it learns from.
    """
    from nnunetv2.run.run_training import recursive_find_trainer_class_by_name

    with folders(root):
        plans, description = _plan(
            root, dataset, labels, spacing_mm, configuration, window, features
        )
        kind = recursive_find_trainer_class_by_name(trainer)
        for fold in folds:
            torch.manual_seed(17 + fold)
            its = kind(
                plans | {"continue_training": False},
                configuration,
                fold,
                description,
                torch.device("cpu"),
            )
            its.initialize()  # wants a preprocessed case to be there
            its.inference_allowed_mirroring_axes = None if "NoMirror" in trainer else (0, 1, 2)
            _learn(its, steps, orientation)
            its.logger.log("train_losses", np.float32(0.5), 0)
            its._best_ema = np.float64(0.5)  # as a real one: numbers of NumPy in the checkpoint
            its.save_checkpoint(str(Path(its.output_folder, "checkpoint_final.pth")))
        folder = Path(its.output_folder_base)
    for name, content in (("plans", plans), ("dataset", description)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def _plan(
    root: Path, dataset: str, labels: dict, spacing_mm, configuration: str, window, features
) -> tuple[dict, dict]:
    """Return plans and dataset.json for images such as `body`, with a network of few levels."""
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import (
        ExperimentPlanner,
    )
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    ct = body()
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0} | labels,
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    statistics = {"mean": 60.0, "std": 120.0, "percentile_00_5": -900.0, "percentile_99_5": 400.0}
    fingerprint = {
        "spacings": [list(spacing_mm)],
        "shapes_after_crop": [list(ct.array.shape)],
        "foreground_intensity_properties_per_channel": {"0": statistics},
        "median_relative_size_after_cropping": 1.0,
    }
    raw, preprocessed = root / "raw" / dataset, root / "preprocessed" / dataset
    (preprocessed / f"nnUNetPlans_{configuration}").mkdir(parents=True)
    nifti.write(ct, raw / "imagesTr/one_0000.nii.gz")
    nifti.write(ct.with_array(truth(labels)), raw / "labelsTr/one.nii.gz")
    (raw / "dataset.json").write_text(json.dumps(description))
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))
    plans = ExperimentPlanner(dataset, gpu_memory_target_in_gb=0.5).plan_experiment()
    its = plans["configurations"]["3d_fullres"]
    its |= {"patch_size": list(window), "batch_size": 2}
    levels = len(features)
    its["architecture"]["arch_kwargs"] |= {
        "n_stages": levels,
        "features_per_stage": list(features),
        "strides": [[1] * 3] + [[2] * 3] * (levels - 1),
        "kernel_sizes": [[3] * 3] * levels,
        "n_conv_per_stage": [1] * levels,
        "n_conv_per_stage_decoder": [1] * (levels - 1),
    }
    manager = PlansManager(plans)
    manager.get_configuration(configuration).preprocessor_class(verbose=False).run_case_save(
        str(preprocessed / f"nnUNetPlans_{configuration}" / "one"),
        [str(raw / "imagesTr/one_0000.nii.gz")],
        str(raw / "labelsTr/one.nii.gz"),
        manager,
        manager.get_configuration(configuration),
        description,
    )
    return plans, description


def _learn(trainer, steps: int, orientation: str) -> None:
    """Take ``steps`` of nnU-Net's own loss and optimiser on patches of `body`."""
    if not steps:
        return
    ct = body()
    data, _, _ = trainer.configuration_manager.preprocessor_class(verbose=False).run_case_npy(
        ct.array[None],
        None,
        {"spacing": list(ct.spacing_mm)},
        trainer.plans_manager,
        trainer.configuration_manager,
        trainer.dataset_json,
    )
    stack = np.concatenate([data, truth(trainer.dataset_json["labels"])[None]])
    if orientation == "RAS":
        stack = np.ascontiguousarray(stack[:, :, ::-1, ::-1])
    draw = np.random.default_rng(3)
    for _ in range(steps):
        corners = draw.integers(np.subtract(stack.shape[1:], WINDOW) + 1, size=(2, 3))
        boxes = [tuple(map(slice, corner, corner + WINDOW)) for corner in corners]
        batch = torch.from_numpy(np.stack([stack[(slice(None), *box)] for box in boxes]))
        target = batch[:, 1:]
        targets = [target, target[:, :, ::2, ::2, ::2]]
        trainer.train_step({"data": batch[:, :1], "target": targets})
