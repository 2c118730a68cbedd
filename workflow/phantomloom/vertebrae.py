"""Vertebrae made consistent along the spine: one label a bone, no bone with two.

1. Bodies are found in the union of all vertebrae, whatever their labels: the deepest points, in a
   line. A watershed of the depth from these gives each bone its piece of the union.
2. The voxels of its piece, by label, are a bone's votes. Numbers run on from bone to bone (over a
   gap as wide as a bone they skip one), with the offset that keeps most voxels.
3. A part of one label (26-connected) that holds one body is that bone, arches and all; one that
   holds several is cut along the pieces; one that holds none goes with the bone it lies nearest to.

It leaves alone what may be anatomy: a stretch of bones at an end is renumbered only if ribs say so
(six lumbar vertebrae stay what they were called), and a piece of two labels that is far larger than
its neighbours is two bones. No voxel is added or taken away.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce
from skimage.segmentation import watershed

from phantomloom.regions import nearest_id
from phantomloom.structures import label
from phantomloom.volume import Triple, Volume

REGIONS = {"C": 7, "T": 12, "L": 5}
VERTEBRAE = tuple(
    label(f"vertebrae_{region}{n}") for region, last in REGIONS.items() for n in range(1, last + 1)
)  # a vertebra's number is its place here: C1 is 0, T1 is 7, L5 is 23
T1 = REGIONS["C"]

GRID_MM = 1.5  # bodies are sought on voxels of about this size
BODY_MM = 4.0  # least depth of a body; cervical ones reach 6, lumbar ones 14
LOCAL_MM = 50.0  # depths are compared with those as far up and down
STRONG, WEAK = 0.65, 0.35  # of the local depth: makes the line; enough in the line (collapsed)
LINE = 1.3  # a body lies within as many local depths of the line; arches lie 2.5 off
APART = 1.2  # maxima within as many depths along z are one body; bodies are 2.6 apart
GAP = 1.6  # of the usual distance between bones: one between them is missing
HEART = 0.5  # of a body's depth: what lies as deep is its heart
WAIST = 0.75  # of the lesser depth of two bodies: a union as deep between them does not part them
HOLDS = 0.2  # of a heart: a part with less of it only borders on that body
LARGE, SECOND = 1.5, 0.25  # size to the neighbours', share of the second label: two bones in one
NEAR = 0.25  # of a part: it lies about as near to a bone that is the nearest to as much of it
REACH_MM = 20.0  # parts that touch a bone lie no farther from it
HIDDEN = 0.1  # of a bone: a part as large, called its missing neighbour, may be that
CONNECTED = np.ones((3, 3, 3), bool)  # 26


class Bones(NamedTuple):
    """The vertebrae of a union from the top down; arrays [Z, Y, X] hold 1 + a bone's index."""

    pieces: np.ndarray  # uint8, 0 outside the union and where no body is connected
    hearts: np.ndarray  # uint8, the middle of the bodies
    centres_mm: np.ndarray  # [bones, 3] of the bodies
    certain: np.ndarray  # bool [bones], whether it is one bone, and a whole one


class Parts(NamedTuple):
    """The parts of one label; arrays [parts], the first is the background."""

    number: np.ndarray
    voxels: np.ndarray
    connected: np.ndarray  # bool, with a body
    cut: np.ndarray  # bool, by the upper or lower end of the scan


class RibVote(NamedTuple):
    """A rib that meets a vertebra."""

    bone: int  # index of the vertebra
    rib: int  # 1 to 12
    voxels: int


def find_bones(numbers: np.ndarray, mm: Triple) -> Bones:
    """Return the vertebrae of ``numbers``, int8 [Z, Y, X] and -1 where there is none."""
    factors = tuple(max(1, round(GRID_MM / step)) for step in mm)
    union = numbers >= 0
    share = block_reduce(union, factors, np.mean) if union.any() else np.zeros((1, 1, 1))
    coarse_mm = np.multiply(factors, mm)
    depth = ndimage.distance_transform_edt(share >= 0.5, coarse_mm).astype(np.float32)
    bodies = _bodies(depth, coarse_mm)
    markers = np.zeros(depth.shape, np.int32)
    markers[tuple(bodies.T)] = np.arange(1, len(bodies) + 1)
    pieces = watershed(-depth, markers, mask=share > 0).astype(np.uint8)
    peaks = np.array([np.inf, *depth[tuple(bodies.T)]])
    waisted = _necks(depth, pieces, len(bodies)) <= WAIST * peaks[1:]
    hearts = pieces * (depth >= HEART * peaks[pieces])
    for axis, factor in enumerate(factors):
        span = range(union.shape[axis])
        pieces, hearts = (a.repeat(factor, axis).take(span, axis) for a in (pieces, hearts))
    pieces, hearts = pieces * union, hearts * union
    certain = waisted & ~_twofold(votes_of(numbers, pieces, len(bodies)))
    return Bones(pieces, hearts, bodies * coarse_mm, certain)


def _bodies(depth: np.ndarray, mm: np.ndarray) -> np.ndarray:
    """Return where bodies are deepest, indices [bodies, 3], from the top down."""
    size = [2 * round(BODY_MM / step) + 1 for step in mm]
    is_top = (depth == ndimage.maximum_filter(depth, size)) & (depth >= BODY_MM)
    points, depths = np.argwhere(is_top), depth[is_top]
    places = points * mm
    z = places[:, 0]
    local = np.array([depths[np.abs(z - at) <= LOCAL_MM].max() for at in z])
    strong = _apart(z, depths, np.flatnonzero(depths >= STRONG * local))
    strong.sort(key=lambda i: z[i])
    if not strong:
        return points
    line = np.stack([np.interp(z, z[strong], places[strong, axis]) for axis in (1, 2)], 1)
    off = np.hypot(*(places[:, 1:] - line).T)
    near = (depths >= WEAK * local) & (off <= LINE * local)
    kept = _apart(z, depths, np.flatnonzero(near))
    return points[sorted(kept, key=lambda i: -z[i])]


def _apart(z: np.ndarray, depths: np.ndarray, among: np.ndarray) -> list[int]:
    """Return those ``among`` the maxima that are not near along z to a deeper one."""
    kept: list[int] = []
    for i in among[np.argsort(-depths[among], kind="stable")]:
        if all(abs(z[i] - z[k]) >= APART * depths[k] for k in kept):
            kept.append(int(i))
    return kept


def _necks(depth: np.ndarray, pieces: np.ndarray, count: int) -> np.ndarray:
    """Return how deep the union is where each piece borders on others, at most; [bones]."""
    deepest = np.zeros(count + 1, np.float32)
    for axis in range(3):
        (a, b), (at_a, at_b) = (
            (np.delete(array, -1, axis), np.delete(array, 0, axis)) for array in (pieces, depth)
        )
        border = (a != b) & (a > 0) & (b > 0)
        for piece in (a, b):
            np.maximum.at(deepest, piece[border], np.minimum(at_a, at_b)[border])
    return deepest[1:]


def _twofold(votes: np.ndarray) -> np.ndarray:
    """Return which bones bear two numbers and are large, or alone, so that they may be two."""
    sizes, second = votes.sum(1), np.sort(votes, axis=1)[:, -2]
    usual = [
        np.median([*sizes[max(0, i - 2) : i], *sizes[i + 1 : i + 3]] or [0])
        for i in range(len(sizes))
    ]
    return (second >= SECOND * sizes) & (sizes > LARGE * np.array(usual))


def votes_of(numbers: np.ndarray, pieces: np.ndarray, count: int) -> np.ndarray:
    """Return how many voxels of each of ``count`` bones bear each number, int [bones, numbers]."""
    there = pieces > 0
    keys = (pieces[there] - np.int64(1)) * len(VERTEBRAE) + numbers[there]
    return np.bincount(keys, minlength=count * len(VERTEBRAE)).reshape(count, len(VERTEBRAE))


def numbering(votes: np.ndarray, bones: Bones, ribs: Sequence[RibVote]) -> np.ndarray:
    """Return a number for each bone: they run on, or in doubt are what most voxels call it."""
    called = votes.argmax(1)
    place = np.concatenate([[0], _steps(bones.centres_mm).cumsum()])
    offsets = range(len(VERTEBRAE) - place[-1])
    if not (offsets and bones.certain.all()):
        return called
    index = np.arange(len(called))
    new = place + max(offsets, key=lambda offset: votes[index, place + offset].sum())
    return called if _doubtful(called, new, ribs) else new


def _steps(centres_mm: np.ndarray) -> np.ndarray:
    """Return by how much the number grows from each bone to the next: 2 over a gap, else 1."""
    apart = np.linalg.norm(np.diff(centres_mm, axis=0), axis=1)
    usual = [
        np.median([*apart[max(0, i - 2) : i], *apart[i + 1 : i + 3]] or [distance])
        for i, distance in enumerate(apart)
    ]
    return 1 + (apart > GAP * np.array(usual)).astype(int)


def _doubtful(called: np.ndarray, new: np.ndarray, ribs: Sequence[RibVote]) -> bool:
    """Return whether ``new`` numbers go against the ribs, or without them shift a whole end."""
    for_new, for_called = np.zeros((2, len(called)))
    for rib in ribs:
        for_new[rib.bone] += rib.voxels * (new[rib.bone] == T1 + rib.rib - 1)
        for_called[rib.bone] += rib.voxels * (called[rib.bone] == T1 + rib.rib - 1)
    for shift, run in groupby(range(len(called)), key=lambda bone: new[bone] - called[bone]):
        bones = list(run)
        more = for_new[bones].sum() - for_called[bones].sum()
        end = bones[0] == 0 or bones[-1] == len(called) - 1
        if shift and (more < 0 or (more == 0 and end and len(bones) > 1)):
            return True
    return False


def relabelled(
    numbers: np.ndarray, bones: Bones, called: np.ndarray, new: np.ndarray, grid: Volume
) -> np.ndarray:
    """Return ``numbers`` where every bone bears its ``new`` number; most voxels ``called`` it so.

    A bone that is not certain stays as it is. Of ``grid`` only the spacing counts.
    """
    parts, number = _parts(numbers)
    union = parts > 0
    part, piece, heart = parts[union], bones.pieces[union], bones.hearts[union]
    shape = len(number), len(new) + 1
    hearts = np.bincount(heart, minlength=shape[1])[1:]
    shared = _shared(part, heart, shape)[:, 1:]
    holds = (shared > 0) & (shared >= HOLDS * hearts)
    bone = np.concatenate([np.zeros((shape[0], 1), np.uint8), _nearest_held(holds)], axis=1)
    owner = np.zeros(union.shape, np.uint8)
    owner[union] = bone = bone[part, piece]
    changed = np.concatenate([[-1], new]).astype(np.int8)[bone]
    loose = bone == 0
    if loose.any():
        owners = nearest_id(owner, union & (owner == 0), grid, REACH_MM)[union][loose]
        shared = _shared(part[loose], owners, shape)[:, 1:]
        names = np.arange(len(number))
        told = Parts(
            number,
            voxels=np.bincount(part, minlength=len(number)),
            connected=np.isin(names, part[piece > 0]),
            cut=np.isin(names, parts[[0, -1]]),
        )
        sizes = np.bincount(piece, minlength=shape[1])[1:]
        changed[loose] = _loose(told, shared, sizes, bones.certain, called, new)[part[loose]]
    certain = np.concatenate([[True], bones.certain])
    result = numbers.copy()
    result[union] = np.where(certain[bone] & certain[piece], changed, numbers[union])
    return result


def _nearest_held(holds: np.ndarray) -> np.ndarray:
    """Return 1 + the held bone next to each bone, for each part; 0 if it holds none; uint8."""
    bones = np.arange(holds.shape[1])
    apart = np.where(holds[:, None, :], np.abs(bones[:, None] - bones), len(bones))
    return ((apart.argmin(2) + 1) * holds.any(axis=1, keepdims=True)).astype(np.uint8)


def _parts(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the connected parts of one number, int32 from 1, and the number of each."""
    parts = np.zeros(numbers.shape, np.int32)
    number = [-1]
    for n, box in enumerate(ndimage.find_objects((numbers + 1).view(np.uint8))):
        if box:
            found, count = ndimage.label(numbers[box] == n, CONNECTED)
            parts[box] += np.where(found, found + len(number) - 1, 0).astype(np.int32)
            number += [n] * count
    return parts, np.array(number, np.int8)


def _shared(parts: np.ndarray, bone: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return how many voxels each part shares with each bone."""
    keys = parts * np.int64(shape[1]) + bone
    return np.bincount(keys, minlength=shape[0] * shape[1]).reshape(shape)


def _loose(
    parts: Parts,
    shared: np.ndarray,
    sizes: np.ndarray,
    certain: np.ndarray,
    called: np.ndarray,
    new: np.ndarray,
) -> np.ndarray:
    """Return the number of each part that holds no body; ``shared`` are its voxels by nearest bone.

    It is that of the nearest bone, rather of one called as the part if that is about as near. But
    for a part cut off from every body or far from all, one that may be a neighbour whose body was
    not found, and one that the end of the scan cuts from its bone or from the next: these keep
    theirs.
    """
    number, voxels = parts.number, parts.voxels
    same = (number[:, None] == called) | (number[:, None] == new)
    about_as_near = same & (shared >= NEAR * voxels[:, None])
    owner = np.where(about_as_near, voxels[:, None] + 1, shared).argmax(1)
    may_be_a_bone = voxels >= HIDDEN * sizes[owner]
    missing = ~np.isin(number, [*called, *new]) & (abs(number - called[owner]) == 1)
    shifted = (number + (new - called)[owner]).clip(0, len(VERTEBRAE) - 1)
    result = np.where(
        parts.connected & certain[owner] & shared.any(1),
        np.where(may_be_a_bone & missing, shifted, new[owner]),
        number,
    )
    for end, step in ((0, -1), (len(new) - 1, 1)):
        stays = parts.cut & np.isin(number, [called[end], called[end] + step])
        result[stays] = (number + new[end] - called[end]).clip(0, len(VERTEBRAE) - 1)[stays]
    return result
