"""Labels made consistent along the spine; ``vertebrae`` and ``ribs`` state the rules.

Where more than a set share of the vertebrae, or of the ribs, would change, these stay as they were.
"""

from collections import Counter

import numpy as np

from phantomloom import ribs, vertebrae
from phantomloom.regions import box_of, boxes_of, looked_up, nearest_id
from phantomloom.ribs import RIBS, Part
from phantomloom.structures import by_id
from phantomloom.vertebrae import T1, VERTEBRAE, Bones, RibVote
from phantomloom.volume import Volume

MEETS_MM = 15.0  # from a vertebra: the ends of its ribs; the twelfth stop 9 mm from it
NUMBER = np.full(256, -1, np.int8)  # of a vertebra by id
NUMBER[list(VERTEBRAE)] = np.arange(len(VERTEBRAE))
Changes = Counter[tuple[int, int]]  # voxels by id before and id after


def consistent(labels: Volume, largest_change: float) -> tuple[np.ndarray, list[dict]]:
    """Return uint8 ids with vertebrae and ribs made consistent, and a report on each of the two.

    A report is {bones, applied, changed_ml, share, changes: [{from, to, ml}]}: what changed, or
    would have had its ``share`` of these bones' voxels not been above ``largest_change``.
    """
    result, reports = labels.array.copy(), []
    boxes = boxes_of(result)
    box = box_of(VERTEBRAE, boxes, labels, MEETS_MM) or (slice(0, 0),) * 3
    numbers = looked_up(NUMBER, result[box])
    bones = vertebrae.find_bones(numbers, labels.spacing_mm)
    is_rib = looked_up(np.isin(np.arange(256), [*RIBS["left"], *RIBS["right"]]), result[box])
    near = nearest_id(bones.pieces, is_rib, labels, MEETS_MM)
    parts = ribs.find_ribs(labels, boxes, near, box)
    thoracic: list[int] = []  # number n of T n by bone; beyond the thorax below 1 or above 12
    if len(bones.centres_mm):
        after, called, new = _renumbered(numbers, bones, parts, labels)
        changes = _changes(result[box], after)
        voxels = int(np.count_nonzero(numbers >= 0))
        reports.append(_report("vertebrae", changes, voxels, labels, largest_change))
        if reports[-1]["applied"]:
            np.copyto(result[box], after, where=after > 0)
        thoracic = [n - T1 + 1 for n in (new if reports[-1]["applied"] else called)]
    if parts:
        to = ribs.numbered(parts, thoracic)
        changes = _rib_changes(parts, to)
        voxels = sum(int(part.votes.sum()) for part in parts)
        reports.append(_report("ribs", changes, voxels, labels, largest_change))
        for part, rib in zip(parts, to, strict=True):
            if reports[-1]["applied"] and rib:
                result[part.box][part.mask] = RIBS[part.side][rib - 1]
    return result, reports


def _renumbered(
    numbers: np.ndarray, bones: Bones, parts: list[Part], labels: Volume
) -> tuple[np.ndarray, list[int], list[int]]:
    """Return the ids of mended vertebrae [Z, Y, X], 0 elsewhere; what each was called, and is."""
    votes = vertebrae.votes_of(numbers, bones.pieces, len(bones.centres_mm))
    met = [RibVote(p.bone, p.rib, int(p.votes.sum())) for p in parts if p.bone is not None]
    called, new = votes.argmax(1), vertebrae.numbering(votes, bones, met)
    after = vertebrae.relabelled(numbers, bones, called, new, labels)
    ids = np.array([*VERTEBRAE, 0], np.uint8)  # the last for -1
    return looked_up(ids, after), called.tolist(), new.tolist()


def _changes(before: np.ndarray, after: np.ndarray) -> Changes:
    changed = (after > 0) & (after != before)
    pairs = before[changed].astype(np.uint16) << 8 | after[changed]
    found = zip(*np.unique(pairs, return_counts=True), strict=True)
    return Counter({(int(pair) >> 8, int(pair) & 255): int(voxels) for pair, voxels in found})


def _rib_changes(parts: list[Part], to: list[int]) -> Changes:
    changes: Changes = Counter()
    for part, rib in zip(parts, to, strict=True):
        for number, voxels in enumerate(part.votes.tolist(), 1):
            if rib and voxels and number != rib:
                ids = RIBS[part.side]
                changes[int(ids[number - 1]), int(ids[rib - 1])] += voxels
    return changes


def _report(
    bones: str, changes: Changes, voxels: int, labels: Volume, largest_change: float
) -> dict:
    share = changes.total() / voxels
    return {
        "bones": bones,
        "applied": share <= largest_change,
        "changed_ml": round(changes.total() * labels.voxel_ml, 3),
        "share": round(share, 4),
        "changes": [
            {"from": by_id()[a].name, "to": by_id()[b].name, "ml": round(n * labels.voxel_ml, 3)}
            for (a, b), n in sorted(changes.items())
        ],
    }
