"""What the networks learn to find, and what each training case can teach of it."""

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from scipy import ndimage
from torch import Tensor

from phantomloom.io import complete
from phantomloom.regions import Box, boxes_of, nearest_id
from phantomloom.segmentation.network import BLOCK
from phantomloom.structures import MODELS, by_id, label, structures, within
from phantomloom.tissues import body_surface, tissues
from phantomloom.volume import Volume

BODY = ("body", "subcutaneous_fat", "muscles", "bones", "visceral_fat")
LOBE_MM = 15.0  # farther from every lobe, lung is of one that is not there
Learnt = dict[str, tuple[str, ...]]  # structures by model; class 0 is none of them
LEVELS = frozenset(name for name in structures() if name.startswith("vertebrae_"))
SOME_LEVEL = "vertebrae"  # of labels that show vertebrae and leave their levels untold


class TrainingCase(NamedTuple):
    """A CT with reference labels on its grid; every voxel of the body has a structure or tissue."""

    name: str
    hu: Tensor  # int16 [Z, Y, X]
    labels: Tensor  # uint8 [Z, Y, X], structure ids
    held: frozenset[str]  # structures that the labels show wherever the scan does
    boxes: dict[int, Box]  # of the ids that occur

    def write(self, path: Path) -> None:
        """Write one safetensors file; its metadata name the case and what it holds."""
        about = {"name": self.name, "held": json.dumps(sorted(self.held))}
        with complete(path) as partial:
            save_file({"hu": self.hu, "labels": self.labels}, partial, about)

    @staticmethod
    def read(path: Path) -> "TrainingCase":
        """Return what ``write`` wrote."""
        with safe_open(path, framework="pt") as file:
            about, hu, labels = file.metadata(), file.get_tensor("hu"), file.get_tensor("labels")
        return _case(about["name"], hu, labels, json.loads(about["held"]))


def of_scan(name: str, ct: Volume, labels: Volume, held: Collection[str]) -> TrainingCase:
    """Return a scan whose ``labels`` show the structures ``held``; HU tells the tissues around.

    Of what else they show only the tissue counts, or what contains it.
    """
    inside = body_surface(ct)
    organs = as_learnt(labels).array
    full = np.where(organs > 0, organs, tissues(ct, inside, organs)) * inside
    hu = torch.from_numpy(ct.array.astype(np.int16))
    return _case(name, hu, torch.from_numpy(full), held)


def as_learnt(labels: Volume) -> Volume:
    """Return ids as networks learn them, of a map that may be merged.

    Gas in stomach or bowel, which a merged map tells apart, is the organ again; lung that no lobe
    has is the nearest lobe.
    """
    return labels.with_array(_in_lobes(labels.with_array(_with_their_gas(labels))))


def _in_lobes(labels: Volume) -> np.ndarray:
    """Return ids in which lung that is no lobe's is that of a lobe within LOBE_MM, if any."""
    lobes = np.isin(labels.array, [label(part) for part in within("lung") - {"lung"}])
    rest = labels.array == label("lung")
    nearest = nearest_id(labels.array * lobes, rest, labels, LOBE_MM)
    return np.where(nearest > 0, nearest, labels.array)


def _with_their_gas(labels: Volume) -> np.ndarray:
    """Return ids in which a pocket of gas is the bowel or stomach that most of its rim is."""
    result = labels.array.copy()
    pockets, _ = ndimage.label(result == label("gas"))
    for number, box in boxes_of(pockets).items():
        wide = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
        pocket = pockets[wide] == number
        rim = ndimage.binary_dilation(pocket) & ~pocket
        around = int(np.bincount(labels.array[wide][rim], minlength=256).argmax())
        if around and by_id()[around].material == "gastrointestinal_tract":
            result[wide][pocket] = around
    return result


def of_person(name: str, hu: Tensor, labels: Tensor) -> TrainingCase:
    """Return a stylised person, of whom every structure is known."""
    return _case(name, hu, labels, structures())


def people(tensors: dict[str, Tensor]) -> list[TrainingCase]:
    """Return the people of a file: NUMBER/hu and NUMBER/labels of each."""
    numbers = sorted({key.split("/")[0] for key in tensors})
    return [of_person(n, tensors[f"{n}/hu"], tensors[f"{n}/labels"]) for n in numbers]


def _case(name: str, hu: Tensor, labels: Tensor, held: Collection[str]) -> TrainingCase:
    return TrainingCase(name, hu, labels, frozenset((*held, *BODY)), boxes_of(labels.numpy()))


def classes(cases: list[TrainingCase], known: Learnt | None = None) -> Learnt:
    """Return for each model the structures that it learns: its own that any case holds and shows.

    Those that it has ``known`` before it goes on with.
    """
    shown = {
        name
        for case in cases
        for name in case.held - {SOME_LEVEL}
        if any(label(n) in case.boxes for n in {name, *within(name) - case.held})
    }
    shown.update(name for names in (known or {}).values() for name in names)
    own = {
        model: tuple(n for n, row in structures().items() if row.model == model and n in shown)
        for model in MODELS
    }
    return own | {"body": BODY}


def without_levels(scan: TrainingCase) -> TrainingCase:
    """Return a scan that teaches what a vertebra is, and not of which level.

    Of one scan networks learnt by heart which level lies where: fine-tuned on one patient they had
    a Dice of .34 and .29 for T12 of another, .55 and .52 so, and people alone taught .63 and .58.
    Of ribs they learn more than people teach. Labels that hold some levels only say nothing of
    vertebrae then: what is none of these may still be one.
    """
    some = {SOME_LEVEL} if scan.held >= LEVELS else set()
    return scan._replace(held=scan.held - LEVELS | some)


class Lesson(NamedTuple):
    """What a case's labels teach one model: classes that they cannot tell apart share a group."""

    group_of_class: Tensor  # int64 [1 + classes]; group 0 holds the background
    group_of_id: Tensor  # uint8 [256]


@cache
def lesson(held: frozenset[str], learnt: tuple[str, ...]) -> Lesson:
    """Return the groups of a model's classes for labels that show the structures ``held``.

    What is not held belongs to what contains it, if that is held (the chambers to the heart), else
    to the background.
    """
    order = [n for n in learnt if n in held]
    holding = {n: _holding(n, held) for n in learnt}
    order += [n for n in (*structures(), SOME_LEVEL) if n in {*holding.values()} - {*BODY, *learnt}]
    number = {name: i for i, name in enumerate(order, 1)}
    of_class = [0, *(number.get(holding[n], 0) for n in learnt)]
    of_id = torch.zeros(256, dtype=torch.uint8)
    for name in structures():
        of_id[label(name)] = number.get(_holding(name, held), 0)
    if set(BODY) <= set(learnt):
        of_id = of_id[_tissue_of_id()]
    return Lesson(torch.tensor(of_class), of_id)


def _holding(name: str, held: frozenset[str]) -> str:
    """Return the structure, or the nearest that contains it, that is held; "" if none is."""
    if name in LEVELS - held and SOME_LEVEL in held:
        return SOME_LEVEL
    while name and name not in held:
        name = structures()[name].parent
    return name


def tissue_truth(labels: np.ndarray) -> np.ndarray:
    """Return the body model's ids for structure ids that cover the body, uint8 of any shape."""
    return _tissue_of_id().numpy().astype(np.uint8)[labels]


@cache
def _tissue_of_id() -> Tensor:
    """Return the body model's class of every id: organs are tissue too, a gluteus is muscle."""
    names = dict.fromkeys(range(1, 256), "body")
    for i, row in by_id().items():
        if row.tissue in ("bone", "muscle"):
            names[i] = "bones" if row.tissue == "bone" else "muscles"
        if row.name in ("subcutaneous_fat", "visceral_fat"):
            names[i] = row.name
    return torch.tensor([0, *(label(names[i]) for i in range(1, 256))])


def split(weights: dict[str, Tensor], learnt: Learnt) -> dict[str, dict[str, Tensor]]:
    """Return the weights of each model: the shared trunk and its own rows of the head."""
    sizes = [BLOCK**3 * (1 + len(names)) for names in learnt.values()]
    heads = {name: weights[name].split(sizes) for name in ("head.weight", "head.bias")}
    return {
        model: weights | {name: parts[i].clone() for name, parts in heads.items()}
        for i, model in enumerate(learnt)
    }
