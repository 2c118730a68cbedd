"""Random, deformed patches of training cases; sample i depends on the seed and i alone."""

from collections.abc import Collection
from functools import cache
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from phantomloom.segmentation.training import absence, images
from phantomloom.segmentation.training.deformation import Deformation, coordinates, sampled
from phantomloom.segmentation.training.targets import (
    SOME_LEVEL,
    Learnt,
    TrainingCase,
    lesson,
    without_levels,
)
from phantomloom.segmentation.windows import AIR_HU, windows
from phantomloom.structures import structures

KINDS = ("stylised", "synthesised", "scan")
HOW = {  # people are many, so they need little change; the same few scans come again and again
    "stylised": Deformation(largest_scale=1.15, warp_mm=6.0),
    "synthesised": Deformation(largest_scale=1.3, warp_mm=15.0),
    "scan": Deformation(largest_scale=1.3, warp_mm=15.0),
}
MIRRORED = 0.15  # share of the patches of scans
OFF_SCAN = 0.1  # of a patch, at most, where the scan is larger


class Sample(NamedTuple):
    """A patch."""

    image: Tensor  # [3, Z, Y, X] float32
    target: Tensor  # [models, Z, Y, X] uint8, groups of classes
    groups: tuple[Tensor, ...]  # of each model's classes, see targets.Lesson


class Material(NamedTuple):
    """What samples are made of."""

    people: list[TrainingCase]  # stylised
    scans: list[TrainingCase]
    contrast_hu: Tensor  # [persons, 256] mean HU of each structure: one bolus a person

    @classmethod
    def of(
        cls,
        people: list[TrainingCase],
        scans: list[TrainingCase],
        contrast_hu: Tensor,
        shares: Collection[str],
        levels: str,
    ) -> Self:
        """Return what a recipe with such ``shares`` learns from.

        People tell what cannot be in the scans, also where they have no share themselves. Where
        "people" teach the ``levels`` of vertebrae, and not "scans", scans leave them untold.
        """
        apart = absence.distances(people)
        if levels == "people":
            scans = [without_levels(scan) for scan in scans]
        scans = [scan._replace(held=scan.held | absence.absent(scan, apart)) for scan in scans]
        return cls(people if "stylised" in shares else [], scans, contrast_hu)


class Patches(Dataset):
    """Patches [Z, Y, X] of ``shape``, of the three KINDS in ``shares``.

    Each is centred near a voxel of a random class, of a random model, in a random case.
    """

    def __init__(
        self,
        material: Material,
        learnt: Learnt,
        shape: tuple[int, int, int],
        voxel_mm: float,
        shares: dict[str, float],
        seed: int,
        samples: int,
    ) -> None:
        self.material, self.learnt, self.shape, self.voxel_mm = material, learnt, shape, voxel_mm
        self.seed, self.samples = seed, samples
        self.shares = np.array([shares.get(kind, 0.0) for kind in KINDS])
        self.medians = [_median_hu(case) for case in material.scans]

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.seed, index))
        kind = str(rng.choice(KINDS, p=self.shares / self.shares.sum()))
        cases = self.material.people if kind == "stylised" else self.material.scans
        number = int(rng.integers(len(cases)))
        case = cases[number]
        voxel = _voxel(case, self.learnt, rng)
        centre = _inside(voxel, self.shape, case.hu.shape, rng)
        grid = coordinates(centre, self.shape, self.voxel_mm, HOW[kind], rng)
        hu, labels = sampled(case.hu, case.labels, grid, AIR_HU)
        if kind == "synthesised":
            contrast_hu = self.material.contrast_hu[rng.integers(len(self.material.contrast_hu))]
            medians = self.medians[number]
            hu = images.synthesised(hu, labels, medians, contrast_hu, self.voxel_mm, rng)
        hu = images.acquired(images.varied(hu, labels, rng), self.voxel_mm, rng)
        images.cut(hu, labels, round(self.shape[0] / 2 + voxel[0] - centre[0]), self.voxel_mm, rng)
        mirrored = kind != "stylised" and rng.random() < MIRRORED
        if mirrored:
            hu, labels = hu.flip(-1), labels.flip(-1)
        return _sample(hu, labels, case, self.learnt, mirrored)


def _sample(
    hu: Tensor, labels: Tensor, case: TrainingCase, learnt: Learnt, mirrored: bool
) -> Sample:
    held = case.held
    if mirrored:  # what a mirror leaves possible; a liver on the left would teach situs inversus
        swap, symmetrical = _mirror()
        labels, held = swap[labels.long()], held & symmetrical
    lessons = [lesson(held, names) for names in learnt.values()]
    target = torch.stack([each.group_of_id[labels.long()] for each in lessons])
    return Sample(
        windows(hu[None, None])[0], target, tuple(each.group_of_class for each in lessons)
    )


@cache
def _mirror() -> tuple[Tensor, frozenset[str]]:
    """Return the id of each id's mirror image, and which structures a mirror leaves possible."""
    table = structures()
    swap, symmetrical = torch.arange(256, dtype=torch.uint8), []
    for row in table.values():
        if row.model == "skeleton" or row.tissue in ("bone", "muscle", "cartilage", "fat"):
            symmetrical.append(row.name)
            swap[row.id] = table[row.partner].id if row.partner else row.id
    return swap, frozenset((*symmetrical, "body", SOME_LEVEL))


def _inside(voxel: np.ndarray, patch, scan, rng) -> np.ndarray:
    """Return the centre of a patch that holds ``voxel`` and little of what lies off the scan."""
    patch, scan = np.array(patch), np.array(scan)
    centre = voxel + rng.uniform(-0.35, 0.35, 3) * patch
    low, high = (0.5 - OFF_SCAN) * patch, scan - (0.5 - OFF_SCAN) * patch
    return np.where(low < high, np.clip(centre, low, high), scan / 2)


def _voxel(case: TrainingCase, learnt: Learnt, rng) -> np.ndarray:
    """Return a voxel of a random structure that a random model learns; of the body if none."""
    names = list(learnt.values())[rng.integers(len(learnt))]
    of_id = lesson(case.held, names).group_of_id
    groups = of_id[list(case.boxes)].tolist()
    found = sorted(set(groups) - {0})
    wanted = int(rng.choice(found)) if found else 0
    chosen = int(rng.choice([i for i, g in zip(case.boxes, groups, strict=True) if g == wanted]))
    box = case.boxes[chosen]
    voxels = np.flatnonzero(case.labels[box].numpy() == chosen)
    shape = [part.stop - part.start for part in box]
    place = np.unravel_index(int(rng.choice(voxels)), shape)
    return np.array([part.start + int(i) for part, i in zip(box, place, strict=True)])


def _median_hu(case: TrainingCase) -> Tensor:
    """Return the median HU of each structure in a case, [256]; 0 where it has none."""
    medians = torch.zeros(256)
    for i, box in case.boxes.items():
        medians[i] = case.hu[box][case.labels[box] == i].float().median()
    return medians
