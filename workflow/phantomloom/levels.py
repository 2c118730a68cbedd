"""Where along the spine structures lie; a level counts vertebrae from C1, 0, down to L5, 23.

It is that of a vertebra at its centre of mass, even between two of them, and beyond the last one
more in every LEVEL_MM. What is found many levels from where its structure lies in people is a
mistake of whoever found it.
"""

import csv
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from phantomloom.regions import boxes_of
from phantomloom.structures import by_id, structures, within
from phantomloom.vertebrae import VERTEBRAE
from phantomloom.volume import Volume

TABLE = Path(__file__).with_suffix(".tsv")
LEVEL_MM = 27.0  # from a vertebra of the chest to the next
FEWEST = 2  # vertebrae that tell levels
AGREE = 0.7  # of all voxels of vertebrae, at least, are of those that do
Range = tuple[float, float]  # of levels: upper, lower


@cache
def table() -> dict[str, Range]:
    """Return where structures lie in stylised people, none of whom has less or more than this."""
    with TABLE.open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["name"]: (float(row["upper"]), float(row["lower"])) for row in rows}


def of_planes(labels: Volume) -> np.ndarray | None:
    """Return the level of each plane of ids [Z]; None where vertebrae do not tell it.

    The vertebrae that lie in order tell, if they are FEWEST and AGREE.
    """
    array, boxes = labels.array, boxes_of(labels.array)
    found = [(n, i) for n, i in enumerate(VERTEBRAE) if i in boxes][::-1]  # from below
    profiles = [(array[boxes[i]] == i).sum((1, 2)) for _, i in found]
    voxels = [int(profile.sum()) for profile in profiles]
    middle = [
        boxes[i][0].start + float(np.average(np.arange(len(profile)), weights=profile))
        for (_, i), profile in zip(found, profiles, strict=True)
    ]
    chain = _rising(middle, voxels)
    if len(chain) < FEWEST or sum(voxels[k] for k in chain) < AGREE * sum(voxels):
        return None
    z, levels = np.array([middle[k] for k in chain]), np.array([found[k][0] for k in chain])
    planes = np.arange(len(array))
    beyond = (planes - planes.clip(z[0], z[-1])) * labels.spacing_mm[0] / LEVEL_MM
    return np.interp(planes, z, levels) - beyond


def _rising(middle: Sequence[float], voxels: Sequence[int]) -> tuple[int, ...]:
    """Return the places of the heaviest chain in which each lies above the one before."""
    best: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for k, height in enumerate(middle):
        below = max(b for b in best if not b[1] or middle[b[1][-1]] < height)
        best.append((below[0] + voxels[k], (*below[1], k)))
    return max(best)[1]


def without_strays(
    labels: np.ndarray, levels: np.ndarray, margin: float
) -> tuple[np.ndarray, dict[str, int]]:
    """Return ids [Z, Y, X] without their stray parts, and how many voxels each structure lost.

    A part (6-connected) is stray if its middle lies more than ``margin`` levels outside of where
    ``table`` has its structure.
    """
    result = labels.copy()
    lost: dict[str, int] = {}
    for number, box in boxes_of(labels).items():
        name = by_id()[number].name
        upper, lower = table().get(name, (-np.inf, np.inf))
        here = levels[box[0]]
        if here.min() >= upper - margin and here.max() <= lower + margin:
            continue
        parts, _ = ndimage.label(labels[box] == number)
        middles = [(s.start + s.stop - 1) // 2 for s, *_ in ndimage.find_objects(parts)]
        off = np.array([max(upper - here[z], here[z] - lower) for z in middles])  # levels
        stray = np.array([False, *(off > margin)])[parts]
        result[box][stray] = 0
        if stray.any():
            lost[name] = int(stray.sum())
    return result, lost


def ranges(people: Iterable[Volume]) -> dict[str, Range]:
    """Return from where to where each structure reaches in any of people, given their ids.

    Vertebrae tell the levels themselves, tissues are everywhere: these have none.
    """
    found: dict[str, list[float]] = {}
    for labels in people:
        levels = of_planes(labels)
        if levels is None:
            continue
        for number, box in boxes_of(labels.array).items():
            found.setdefault(by_id()[number].name, []).extend(levels[box[0]])
    result, spine = {}, {by_id()[i].name for i in VERTEBRAE}
    for name, row in structures().items():
        # the heart reaches as far as its chambers
        reached = [level for part in within(name) for level in found.get(part, ())]
        if reached and name not in spine and row.model != "body":
            result[name] = float(min(reached)), float(max(reached))
    return result
