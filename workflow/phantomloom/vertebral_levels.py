"""How far up or down the body something lies, counted in vertebrae: C1 is 0, T12 18, L5 23.

A plane through a vertebra's centre of mass has its number; planes between two of them lie evenly
between, and beyond the last one the level changes by one every LEVEL_MM.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.regions import boxes_of
from phantomloom.structures import by_id, structures, within
from phantomloom.vertebrae import VERTEBRAE
from phantomloom.volume import Volume

LEVEL_MM = 27.0  # from a vertebra of the chest to the next
SPECK_ML = 1.0  # a smaller vertebra may be none; the smallest, of a child of five, have 2 ml
ENOUGH_ML = 10.0  # of vertebrae, together, tell levels
AGREE = 0.7  # of all that is called vertebra lies in order
STEP_MM = (4.0, 60.0)  # from a vertebra to the next: of one that is cut, and more than the tallest
Range = tuple[float, float]  # of levels: upper, lower


class Bone(NamedTuple):
    """A vertebra as a label map has it."""

    number: int
    height_mm: float  # of its centre of mass above the first plane
    ml: float


class Levels(NamedTuple):
    """The level of each plane of a scan."""

    of_plane: np.ndarray  # [Z]
    told_by_ml: float  # vertebrae


def levels(labels: Volume) -> Levels | None:
    """Return the levels that the vertebrae of ``labels`` (ids) tell; None where they tell none.

    Those that lie in order tell, if there are two, with ENOUGH_ML together, and few lie otherwise.
    """
    bones = _bones(labels)
    chain = _in_order(bones)
    told_by_ml = sum(bone.ml for bone in chain)
    if len(chain) < 2 or told_by_ml < max(ENOUGH_ML, AGREE * sum(bone.ml for bone in bones)):
        return None
    heights_mm = [bone.height_mm for bone in chain]
    of_plane = np.arange(len(labels.array)) * labels.spacing_mm[0]
    beyond = (of_plane - of_plane.clip(heights_mm[0], heights_mm[-1])) / LEVEL_MM
    known = np.interp(of_plane, heights_mm, [bone.number for bone in chain])
    return Levels(known - beyond, told_by_ml)


def _bones(labels: Volume) -> list[Bone]:
    """Return the vertebrae of a label map, the last of the spine first."""
    boxes = boxes_of(labels.array)
    bones = []
    for number, i in enumerate(VERTEBRAE):
        if i in boxes:
            voxels = (labels.array[boxes[i]] == i).sum((1, 2))
            plane = np.average(boxes[i][0].start + np.arange(len(voxels)), weights=voxels)
            height_mm = float(plane) * labels.spacing_mm[0]
            bones.append(Bone(number, height_mm, int(voxels.sum()) * labels.voxel_ml))
    return bones[::-1]


def _in_order(bones: Sequence[Bone]) -> tuple[Bone, ...]:
    """Return, of ``bones`` from the last of the spine up, those with most ml whose steps can be."""
    best: list[tuple[float, tuple[Bone, ...]]] = []  # chains by the bone that they end with
    for bone in bones:
        if bone.ml >= SPECK_ML:
            below = [(ml, chain) for ml, chain in best if _next_to(chain[-1], bone)]
            ml, chain = max(below, default=(0.0, ()))
            best.append((ml + bone.ml, (*chain, bone)))
    return max(best)[1] if best else ()


def _next_to(lower: Bone, upper: Bone) -> bool:
    step_mm = (upper.height_mm - lower.height_mm) / (lower.number - upper.number)
    return STEP_MM[0] <= step_mm <= STEP_MM[1]


def ranges(people: Iterable[Volume]) -> dict[str, Range]:
    """Return from which level to which each structure reaches in any of people, given their ids.

    A structure that contains others reaches as far as they do. Tissues are everywhere, and have
    none.
    """
    found: dict[str, list[float]] = {}
    for labels in people:
        if told := levels(labels):
            for number, box in boxes_of(labels.array).items():
                found.setdefault(by_id()[number].name, []).extend(told.of_plane[box[0]])
    result = {}
    for name, row in structures().items():
        reached = [level for part in within(name) for level in found.get(part, ())]
        if reached and row.model != "body":
            result[name] = float(min(reached)), float(max(reached))
    return result
