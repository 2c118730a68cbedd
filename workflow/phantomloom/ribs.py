"""Ribs made consistent, side by side: one label a bone, no bone with two, none twice.

1. The 26-connected parts of the union of one side's ribs are bones or, where a rib is broken, parts
   of one; most voxels of a part name it. But a part of two labels may be two ribs that touch, and
   stays as it is, if the lesser label is no speck and is found nowhere else, or lies above or below
   the other.
2. Parts that end at the spine are numbered upwards in the order of those ends, parts that meet the
   same vertebra perhaps alike. The numbers keep most voxels, and agree with the vertebrae that the
   parts meet where that costs less.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from phantomloom.regions import Box, box_of, looked_up
from phantomloom.structures import label
from phantomloom.volume import Volume

RIBS = {
    side: np.array([label(f"rib_{side}_{n}") for n in range(1, 13)]) for side in ("left", "right")
}
MEETS_ML = 0.1  # of a part near vertebrae: less is no end of a rib
SECOND = 0.1  # of a part: less of a second label is a speck; the twelfth rib beside others is more
ABOVE = 0.5  # of the smaller label seen from above: it lies over or under the other
AGREES = 0.5  # weight of a vertebra's number against that of the part's own voxels
CONNECTED = np.ones((3, 3, 3), bool)  # 26


class Part(NamedTuple):
    """A connected part of the union of one side's ribs."""

    side: str
    box: Box
    mask: np.ndarray  # bool, in the box
    votes: np.ndarray  # voxels by number, [12]
    mixed: bool  # two ribs that touch
    bone: int | None  # index of the vertebra that it meets with its end
    end_z: float  # index of the end in the grid, if it meets a vertebra

    @property
    def rib(self) -> int:
        """The number, 1 to 12, that most of its voxels bear."""
        return int(self.votes.argmax()) + 1


def find_ribs(labels: Volume, boxes: Mapping[int, Box], near: np.ndarray, box: Box) -> list[Part]:
    """Return the parts of all ribs; ``near`` holds, in ``box``, 1 + the vertebra close by, or 0.

    ``boxes`` are those of all ids.
    """
    found = []
    for side, ids in RIBS.items():
        number = np.zeros(256, np.uint8)
        number[ids] = np.arange(1, 13)
        if room := box_of(ids, boxes, labels):
            numbers = looked_up(number, labels.array[room])
            parts, _ = ndimage.label(numbers, CONNECTED)
            everywhere = np.bincount(numbers.ravel(), minlength=13)[1:]
            for n, inner in enumerate(ndimage.find_objects(parts), 1):
                mask = parts[inner] == n
                outer = tuple(
                    slice(a.start + b.start, a.start + b.stop)
                    for a, b in zip(room, inner, strict=True)
                )
                votes = np.bincount(numbers[inner][mask], minlength=13)[1:]
                mixed = _may_be_two(numbers[inner] * mask, votes, everywhere - votes)
                bone, end_z = _end(outer, mask, near, box, labels.voxel_ml)
                found.append(Part(side, outer, mask, votes, mixed, bone, end_z))
    return found


def _may_be_two(numbers: np.ndarray, votes: np.ndarray, elsewhere: np.ndarray) -> bool:
    """Return whether the two main numbers of a part may be two ribs that touch.

    ``votes`` are its voxels by number, ``elsewhere`` those of the other parts of its side.
    """
    second, first = votes.argsort(kind="stable")[-2:]
    if votes[second] < SECOND * votes.sum():
        return False
    above = [ndimage.binary_dilation((numbers == n + 1).any(0)) for n in (first, second)]
    overlap = (above[0] & above[1]).sum() > ABOVE * min(map(np.sum, above))
    return bool(overlap or elsewhere[second] < votes[second])


def _end(
    outer: Box, mask: np.ndarray, near: np.ndarray, box: Box, voxel_ml: float
) -> tuple[int | None, float]:
    """Return the vertebra that a part meets and the height of its end there."""
    common = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(outer, box, strict=True)]
    if any(low >= high for low, high in common):
        return None, 0.0
    here, there = (
        tuple(
            slice(low - side.start, high - side.start)
            for (low, high), side in zip(common, own, strict=True)
        )
        for own in (outer, box)
    )
    met = near[there] * mask[here]
    bones = np.bincount(met.ravel())[1:]
    if bones.sum() * voxel_ml < MEETS_ML:
        return None, 0.0
    return int(bones.argmax()), common[0][0] + float(np.nonzero(met)[0].mean())


def numbered(parts: list[Part], vertebrae: Sequence[int]) -> list[int]:
    """Return the rib that each part shall be, 1 to 12, 0 for one that stays as it is.

    ``vertebrae`` are the numbers of the thoracic vertebrae by bone, others are no ribs' neighbours.
    """
    result = [0 if part.mixed else part.rib for part in parts]
    for side in RIBS:
        ending = [
            i for i, p in enumerate(parts) if p.side == side and p.bone is not None and not p.mixed
        ]
        ending.sort(key=lambda i: -parts[i].end_z)
        cost = [_cost(parts[i], vertebrae) for i in ending]
        again = [parts[i].bone == parts[j].bone for i, j in pairwise(ending)]
        for i, rib in zip(ending, _increasing(cost, again), strict=True):
            result[i] = rib or result[i]
    return result


def _cost(part: Part, vertebrae: Sequence[int]) -> np.ndarray:
    """Return the voxels lost by each number, and the weight of the vertebra where it disagrees."""
    lost = part.votes.sum() - part.votes
    known = vertebrae[part.bone] if part.bone is not None and vertebrae else part.rib
    disagrees = np.arange(1, 13) != known
    return lost + AGREES * part.votes.sum() * disagrees


def _increasing(cost: Sequence[np.ndarray], again: Sequence[bool]) -> list[int]:
    """Return numbers from 1 that increase, one a row of ``cost`` [12], of the least sum.

    A row may repeat the number before it where ``again``, of all rows but the first, says so. All
    are 0 if there are too many rows.
    """
    least, sums = np.zeros(13), []  # least sum of the rows so far with numbers up to 0, 1, ... 12
    for row, repeats in zip(cost, [False, *again], strict=False):
        sums.append((least[1:] if repeats else least[:-1]) + row)
        least = np.concatenate([[np.inf], np.minimum.accumulate(sums[-1])])
    if not np.isfinite(least[-1]):
        return [0] * len(sums)
    numbers, limit = [], 12
    for sum_, repeats in zip(reversed(sums), [*reversed(again), False], strict=False):
        numbers.append(int(sum_[:limit].argmin()) + 1)
        limit = numbers[-1] - (not repeats)
    return numbers[::-1]
