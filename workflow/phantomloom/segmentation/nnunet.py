"""The engine for nnU-Net v2: its own preprocessing, network and resampling, class by class.

Each class is compared with the best so far, which gives the labels of nnU-Net's own command.
"""

import json
import re
from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phantomloom.resample import Grid, resample
from phantomloom.schemes import ids_of
from phantomloom.segmentation import Segmentation
from phantomloom.segmentation.checkpoints import loading_checkpoints, need
from phantomloom.segmentation.confidence import confidence
from phantomloom.segmentation.nnunet_scores import scores_of
from phantomloom.volume import Volume

# the reference's four data sets (XCAT-2.0, arXiv 2405.11133) and what it makes of a CT before
REFERENCE = {"skeleton": 1004, "others": 1001, "abdomen": 1002, "body_composition": 1005}
REFERENCE_HU = (-1024, 3071)
REFERENCE_SPACING_MM = 1.5

CHECKPOINT = "checkpoint_final.pth"
LIMITS = "this engine applies 3d networks that make labels of one CT"


def segment(
    ct: Volume,
    weights: Path,
    device: str,
    dataset: str | int | None = None,
    folds: Sequence[int | str] | None = None,
    mirroring: bool = True,
    orientation: str | None = None,
) -> Segmentation:
    """Return what a trained nnU-Net finds in ``ct`` (HU).

    ``weights`` is a trainer's folder (dataset.json, plans.json, fold_*/checkpoint_final.pth), or an
    nnUNet_results folder with ``dataset``, a data set's number or a name of ``REFERENCE``; such a
    name also means the reference's clipping and spacing. ``folds``: all that are there by default.
    ``mirroring``: average over the flips that the training allows. ``orientation``: the way in
    which x, y and z of the training images went, such as RAS. nnU-Net does not record it, unless
    the plans name its reader that turns images to RAS. Scores of more than 2 GB go through a
    temporary file, for 62 classes of 512 x 512 x 1000 voxels at 1 mm of about 6 GB.

    Raises:
        ModuleNotFoundError: if nnU-Net is not installed.
        FileNotFoundError: if the folder is not complete.
        ValueError: if the folder holds several, or what this engine cannot apply, or if nobody
            says how the training images lay.
        pickle.UnpicklingError: if a checkpoint holds more than weights.
    """
    need("nnunetv2")
    folder = trained(weights, _number(dataset))
    ids = ids_of(_classes(folder), str(folder / "dataset.json"))
    predictor = load(folder, fold_names(folder, folds), device, mirroring)
    seen = _as_the_reference(ct) if dataset in REFERENCE else ct
    turn = _turn(orientation or _recorded(predictor, folder))
    scores = (channel[turn] for channel in scores_of(predictor, seen, seen.array[turn]))
    if seen is not ct:
        scores = (resample(seen.with_array(s), Grid.of(ct)).array for s in scores)
    labels, certainty, entropy_bits = _decide(scores, ids)
    return Segmentation(ct.with_array(labels), confidence(labels, certainty, entropy_bits))


def _number(dataset: str | int | None) -> int | None:
    number = REFERENCE.get(str(dataset), dataset)
    if number is not None and not str(number).isdigit():
        names = ", ".join(REFERENCE)
        raise ValueError(f"dataset {dataset!r}: say a data set's number, or one of {names}")
    return None if number is None else int(number)


def trained(weights: Path, dataset: int | None) -> Path:
    """Return the one trainer's folder in ``weights``.

    Raises:
        FileNotFoundError: if there is none, saying what is missing.
        ValueError: if there are several.
    """
    inside = (
        "*__*__*/plans.json" if dataset is None else f"Dataset{dataset:03}_*/*__*__*/plans.json"
    )
    found = [weights] if (weights / "plans.json").is_file() else []
    found = found or sorted(plans.parent for plans in weights.glob(inside))
    if not found:
        raise _missing(weights / inside.replace("*__*__*", "TRAINER__PLANS__CONFIGURATION"))
    if len(found) > 1:
        names = ", ".join(str(folder.relative_to(weights)) for folder in found)
        raise ValueError(
            f"{weights} holds several trained networks: {names}; name one as `weights`"
        )
    if not (found[0] / "dataset.json").is_file():
        raise _missing(found[0] / "dataset.json")
    return found[0]


def fold_names(folder: Path, folds: Sequence[int | str] | None) -> list[str]:
    """Return the names of the ``folds`` in a trainer's folder, by default of those that are there.

    Raises:
        FileNotFoundError: if a fold, or any fold, is missing.
    """
    there = sorted(file.parent.name[5:] for file in folder.glob(f"fold_*/{CHECKPOINT}"))
    wanted = [name for name in there if name != "all"] or there if folds is None else folds
    for name in wanted or ["0"]:
        if str(name) not in there:
            raise _missing(folder / f"fold_{name}" / CHECKPOINT)
    return [str(name) for name in wanted]


def _missing(path: Path) -> FileNotFoundError:
    return FileNotFoundError(
        f"{path}: not there. A network of nnU-Net v2 is a folder with dataset.json, plans.json and "
        f"fold_0/{CHECKPOINT}; get it from those who trained it (for the data sets "
        f"{', '.join(map(str, REFERENCE.values()))}: the authors of XCAT-2.0, arXiv 2405.11133), "
        "unpack it there, or correct `weights`, `dataset` or `folds` under segment.models"
    )


def _classes(folder: Path) -> dict[int, str]:
    """Return the names of a network's label values, without the background."""
    description = json.loads((folder / "dataset.json").read_text())
    labels = description["labels"].items()
    if any(isinstance(value, list) for _, value in labels):
        raise ValueError(f"{folder}: its labels are regions that overlap; {LIMITS}")
    if len(description["channel_names"]) != 1:
        raise ValueError(f"{folder}: it wants several images; {LIMITS}")
    return {value: name for name, value in labels if name not in ("background", "ignore")}


def load(folder: Path, folds: list[str], device: str, mirroring: bool) -> Any:
    """Return nnU-Net's own predictor for the ``folds`` of a trainer's folder.

    Raises:
        ValueError: if the network is of a kind that this engine cannot apply.
    """
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(use_mirroring=mirroring, device=torch.device(device))
    with loading_checkpoints():
        predictor.initialize_from_trained_model_folder(str(folder), folds, CHECKPOINT)
    torch.backends.cudnn.benchmark = False  # nnU-Net sets it; equal scans are to give equal labels
    if predictor.configuration_manager.previous_stage_name is not None:
        raise ValueError(f"{folder}: it is the second stage of a cascade; {LIMITS}")
    if len(predictor.configuration_manager.patch_size) != 3:
        raise ValueError(f"{folder}: it works on slices; {LIMITS}")
    return predictor


def _as_the_reference(ct: Volume) -> Volume:
    clipped = ct.with_array(ct.array.clip(*REFERENCE_HU))
    return resample(clipped, Grid.of(ct).at(REFERENCE_SPACING_MM))


def _recorded(predictor: Any, folder: Path) -> str:
    if predictor.plans_manager.plans["image_reader_writer"].endswith("IOWithReorient"):
        return "RAS"
    raise ValueError(
        f"{folder}: left and right depend on the way the training images lay, which nnU-Net does "
        "not record; say `orientation` under segment.models, such as RAS or LPS: what "
        "nibabel.aff2axcodes tells of the affine of one of them"
    )


def _turn(orientation: str) -> tuple[slice, slice, slice]:
    """Return the slices that turn [Z, Y, X] from LPS to ``orientation`` (of x, y, z), and back."""
    if not re.fullmatch("[LR][PA][SI]", orientation):
        raise ValueError(f"orientation {orientation!r}: say L or R, P or A, S or I, such as RAS")
    z, y, x = (slice(None, None, 1 if way in "LPS" else -1) for way in reversed(orientation))
    return z, y, x


def _decide(
    scores: Iterator[np.ndarray], ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the structure id of the winning class, its probability and the entropy in bits.

    ``scores`` [Z, Y, X] come class by class; probabilities are their softmax. With m the best score
    so far, the sums of exp(s - m) and of (s - m) exp(s - m) suffice.
    """
    best = torch.from_numpy(next(scores).astype(np.float32))
    labels = torch.zeros(best.shape, dtype=torch.uint8)
    total, moment = torch.ones_like(best), torch.zeros_like(best)
    for score, label in zip(scores, ids[1:].tolist(), strict=True):
        for z, plane in enumerate(score):
            new = torch.from_numpy(np.ascontiguousarray(plane)).float()
            top = torch.maximum(best[z], new)
            fall, rise = best[z] - top, new - top
            shrunk, grown = fall.exp(), rise.exp()
            labels[z][new > best[z]] = label  # of equals, the first wins, as with argmax
            moment[z] = shrunk * (moment[z] + fall * total[z]) + rise * grown
            total[z] = shrunk * total[z] + grown
            best[z] = top
    certainty, entropy_bits = total.reciprocal().half(), moment.half()
    for z, plane in enumerate(entropy_bits):  # in place: a volume of float32 is 1 GB
        plane[:] = (total[z].log() - moment[z] / total[z]) / log(2)
    return labels.numpy(), certainty.numpy(), entropy_bits.numpy()
