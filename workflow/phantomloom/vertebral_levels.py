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


class Levels(NamedTuple):
    """The level of each plane of a scan."""

    of_plane: np.ndarray  # [Z]
    told_by_ml: float  # vertebrae


def levels(labels: Volume) -> Levels | None:
    """Return the levels that the vertebrae of ``labels`` (ids) tell; None where they tell none.

    Those that lie in order tell, if there are two, with ENOUGH_ML together, and few lie otherwise.
    """
    boxes = boxes_of(labels.array)
    heights, numbers, volumes = [], [], []
    for number, i in reversed([*enumerate(VERTEBRAE)]):  # L5 is the lowest
        if i in boxes:
            profile = (labels.array[boxes[i]] == i).sum((1, 2))
            planes = boxes[i][0].start + np.arange(len(profile))
            heights.append(float(np.average(planes, weights=profile)) * labels.spacing_mm[0])
            numbers.append(number)
            volumes.append(int(profile.sum()) * labels.voxel_ml)
    chain = _in_order(heights, numbers, volumes)
    told = sum(volumes[k] for k in chain)
    if len(chain) < 2 or told < max(ENOUGH_ML, AGREE * sum(volumes)):
        return None
    z_mm, known = np.array([heights[k] for k in chain]), [numbers[k] for k in chain]
    of_plane = np.arange(len(labels.array)) * labels.spacing_mm[0]
    beyond = (of_plane - of_plane.clip(z_mm[0], z_mm[-1])) / LEVEL_MM
    return Levels(np.interp(of_plane, z_mm, known) - beyond, told)


def _in_order(
    heights: Sequence[float], numbers: Sequence[int], volumes: Sequence[float]
) -> tuple[int, ...]:
    """Return the places of the vertebrae, from below, whose steps can be; those with most ml."""
    best: list[tuple[float, tuple[int, ...]]] = []  # chains by the vertebra that they end with
    for k, volume in enumerate(volumes):
        if volume < SPECK_ML:
            continue
        below = [(0.0, ())] + [
            (ml, chain)
            for ml, chain in best
            if STEP_MM[0]
            <= (heights[k] - heights[chain[-1]]) / (numbers[chain[-1]] - numbers[k])
            <= STEP_MM[1]
        ]
        ml, chain = max(below)
        best.append((ml + volume, (*chain, k)))
    return max(best)[1] if best else ()


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
