"""The engine for TotalSegmentator: the package itself, in this process, with nothing left behind.

The package keeps settings in the user's home, reports each use to its makers, downloads weights,
removes old ones and starts processes that would run a Snakemake script anew. All of that is held
off here; what it computes is its own.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from phantomloom.io import nifti
from phantomloom.schemes import ids_of, structure_of
from phantomloom.segmentation import Segmentation
from phantomloom.segmentation.checkpoints import loading_checkpoints, need
from phantomloom.segmentation.confidence import from_sums, probabilities, sums
from phantomloom.volume import Volume

said = logging.getLogger("phantomloom.segment")

RELEASES = "https://github.com/wasserth/TotalSegmentator/releases/download"
LICENCES = "https://backend.totalsegmentator.com/license-academic/"


def segment(
    ct: Volume,
    weights: Path,
    device: str,
    task: str = "total",
    fast: bool = False,
    roi_subset: Sequence[str] | None = None,
) -> Segmentation:
    """Return what TotalSegmentator finds in ``ct`` (HU).

    Confidences are those of its networks on their own grids, before the package mends the labels.

    ``weights`` is the folder that holds its ``Dataset*`` folders; ``task``, ``fast`` (3 mm instead
    of 1.5 mm) and ``roi_subset`` (its names of the structures wanted) are its own options.

    Raises:
        ModuleNotFoundError: if the package is not installed.
        FileNotFoundError: if weights are missing, saying where to get them and where to put them.
        PermissionError: if the task needs a licence and none is stored.
        ValueError: if the task is unknown, or names structures that the naming schemes lack.
        pickle.UnpicklingError: if a checkpoint holds more than weights.
    """
    need("totalsegmentator")
    need("nnunetv2")
    package = import_module("totalsegmentator.python_api")
    import_module("totalsegmentator.nnunet")  # it changes nnU-Net's predictor, ahead of us

    classes = _classes(task, roi_subset)
    ids = ids_of(classes, f"TotalSegmentator's task {task}")
    said.info("TotalSegmentator, task %s%s, on %s", task, " (fast)" if fast else "", device)
    heard = np.zeros((4, 256))
    with _contained(package, weights, task), loading_checkpoints(), _listening(heard):
        found = package.totalsegmentator(
            _image(ct),
            task=task,
            fast=fast,
            roi_subset=None if roi_subset is None else list(roi_subset),
            device=device.replace("cuda", "gpu"),
        )
    labels = ids[np.asarray(found.dataobj).T]
    heard *= np.isin(np.arange(256), labels)  # other structures only helped to find these
    return Segmentation(ct.with_array(labels), from_sums(heard))


def _classes(task: str, roi_subset: Sequence[str] | None) -> dict[int, str]:
    from totalsegmentator.registry import TASKS, get_task_classes

    if task not in TASKS:
        raise ValueError(f"TotalSegmentator has no task {task!r}, but {', '.join(TASKS)}")
    classes = get_task_classes(task)
    if unknown := set(roi_subset or ()) - set(classes.values()):
        raise ValueError(f"task {task} has no {', '.join(sorted(unknown))} for roi_subset")
    return classes


def _image(ct: Volume) -> Any:
    """Return ``ct`` as nibabel has it: [X, Y, Z], the affine in RAS."""
    from nibabel.nifti1 import Nifti1Image

    return Nifti1Image(ct.array.T, nifti.ras_affine(ct))


@contextmanager
def _contained(package: Any, weights: Path, task: str) -> Iterator[None]:
    """Let the package see ``weights`` and an empty home; afterwards all is as it was before."""
    from nnunetv2.inference import predict_from_raw_data as nnunet

    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    licence = _licence(task)
    with TemporaryDirectory() as home, ExitStack() as changes:
        settings = {"totalseg_id": "", "send_usage_stats": False, "prediction_counter": 0}
        settings |= {"statistics_disclaimer_shown": True, "license_number": licence}
        (Path(home) / "config.json").write_text(json.dumps(settings))
        places = {"TOTALSEG_HOME_DIR": home, "TOTALSEG_WEIGHTS_PATH": str(weights)}
        for change in (
            patch.dict("os.environ", places),
            patch.object(package, "download_pretrained_weights", partial(_present, weights)),
            patch.object(nnunet.nnUNetPredictor, "predict_from_files", _in_this_process),
            patch.object(nnunet, "default_num_processes", threads),  # else eight, or all there are
        ):
            changes.enter_context(change)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.backends.cudnn.benchmark = benchmark


def _id(name: str) -> int:
    """Return the id of the structure that goes by ``name``; 0 if none does."""
    try:
        structure = structure_of(name)
    except KeyError:
        return 0
    return structure.id if structure else 0


@contextmanager
def _listening(heard: np.ndarray) -> Iterator[None]:
    """Add to ``heard``, [4, 256], the ``confidence.sums`` of all that nnU-Net predicts inside."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predict = nnUNetPredictor.predict_logits_from_preprocessed_data

    def listen(predictor: Any, data: torch.Tensor) -> torch.Tensor:
        scores = predict(predictor, data)  # [classes, Z, Y, X]
        ids = np.zeros(len(scores), np.uint8)
        for name, value in predictor.dataset_json["labels"].items():
            ids[value] = _id(name)
        parts = []
        for plane in scores.unbind(1):
            classes, bits = probabilities(plane)
            certainty, winners = classes.max(0)
            parts.append((ids[winners.numpy()], certainty.numpy(), bits.numpy()))
        heard[:] += sums(*map(np.stack, zip(*parts, strict=True)))
        return scores

    with patch.object(nnUNetPredictor, predict.__name__, listen):
        yield


def _licence(task: str) -> str:
    """Return the licence number that the user has stored, which some tasks need."""
    from totalsegmentator.config import get_license_number
    from totalsegmentator.registry import requires_license

    licence = get_license_number()
    if requires_license(task) and not licence:
        raise PermissionError(
            f"TotalSegmentator's task {task} needs a licence: {LICENCES}; "
            "`.venv/bin/totalseg_set_license -l NUMBER` stores it in your home"
        )
    return licence


def _present(weights: Path, number: int) -> None:
    """Do nothing if the weights of data set ``number`` are in ``weights``."""
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    its = TASK_ID_WEIGHTS_CONFIGS[number]
    folder = weights / its["foldername"]
    if any(folder.glob("*__*__*/fold_*/checkpoint_final.pth")):
        return
    version = its.get("version")
    source = f"{RELEASES}/{version}/{its['foldername']}.zip, unpacked" if version else "its licence"
    raise FileNotFoundError(
        f"{folder}: the weights that TotalSegmentator uses here are not there. Get them from "
        f"{source}, or with `TOTALSEG_WEIGHTS_PATH={weights} .venv/bin/totalseg_download_weights`, "
        "or correct `weights` under segment.models"
    )


def _in_this_process(
    predictor: Any, source: str, target: str, save_probabilities: bool = False, **_: Any
) -> Any:
    """Predict as ``nnUNetPredictor.predict_from_files`` does, without its worker processes."""
    return predictor.predict_from_files_sequential(source, target, save_probabilities)
