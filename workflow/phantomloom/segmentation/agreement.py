"""How well two segmentations agree."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion

from phantomloom.regions import boxes_of
from phantomloom.segmentation import Segmentation
from phantomloom.structures import by_id, label, structures, within
from phantomloom.volume import Triple, Volume

Scores = dict[str, dict[str, Any]]  # agreements as JSON has them, by structure
TOLERANCE_MM = 3.0  # one voxel of the networks' grid


class Agreement(NamedTuple):
    """Of what was found with what is true of one structure."""

    dice: float
    surface_dice: float  # normalised, within TOLERANCE_MM
    true_ml: float
    found_ml: float
    probability: float | None  # what the network says of itself, see ``Confidence``
    boundary_entropy_bits: float | None


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return 2 |a and b| / (|a| + |b|) of two masks; 1 if both are empty (Dice 1945)."""
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / total if total else 1.0


def surface_dice(a: np.ndarray, b: np.ndarray, spacing_mm: Triple) -> float:
    """Return which share of both surfaces lies within TOLERANCE_MM of the other, of two masks.

    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy", J Med Internet
    Res 2021, on the voxels of the surfaces. Where the end of the grid cuts a structure it has no
    surface: of an organ in a thin slab two thirds would be cuts, which always agree. 1 if neither
    mask has a surface, 0 if one has none.
    """
    surfaces = [mask & ~binary_erosion(mask, border_value=1) for mask in (a, b)]
    if not all(surface.any() for surface in surfaces):
        return float(surfaces[0].any() == surfaces[1].any())
    reached = [binary_dilation(surface, _ball(spacing_mm)) for surface in surfaces]
    near = sum(
        np.count_nonzero(around & surface)
        for around, surface in zip(reached, reversed(surfaces), strict=True)
    )
    return near / sum(map(np.count_nonzero, surfaces))


def _ball(spacing_mm: Triple) -> np.ndarray:
    """Return which voxels lie within TOLERANCE_MM: six times faster than a distance transform."""
    reach = [int(TOLERANCE_MM // mm) for mm in spacing_mm]
    z, y, x = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    dz, dy, dx = spacing_mm
    return (z * dz) ** 2 + (y * dy) ** 2 + (x * dx) ** 2 <= TOLERANCE_MM**2 + 1e-6


def agreements(
    found: dict[str, Segmentation],
    truth: Volume,
    told: Collection[str],
    known: dict[str, tuple[str, ...]],
) -> dict[str, Agreement]:
    """Return how each structure of ``truth`` (ids) was found, by name, by the model that it has.

    ``found`` and what a model knows, ``known``, go by model. ``told`` are the structures of which
    the truth says where they are and are not. Others do not count by themselves; a structure that
    contains some of them is where they are, the heart where its chambers are. Only the planes
    between the first and the last that ``truth`` labels count: beyond them
    nothing is known, and their ends count as ends of the scan. Structures that no model knows are
    left out, so nothing is left of a truth without any.
    """
    planes = np.flatnonzero(truth.array.any((1, 2)))
    if not planes.size:
        return {}
    slab = slice(planes[0], planes[-1] + 1)
    true = Volume(truth.array[slab], truth.spacing_mm)
    maps = {model: its.labels.array[slab] for model, its in found.items()}
    result = {}
    there = boxes_of(true.array)
    for name in sorted(told, key=label):
        parts = {name, *within(name).difference(told)}
        ids = [label(part) for part in parts]
        if there.keys() & {*ids} and (knowing := _knowing(name, parts, known)):
            guess = np.logical_or.reduce([np.isin(maps[model], ids) for model in knowing])
            sure = found[knowing[0]].confidence.get(name)
            result[name] = _agreement(guess, np.isin(true.array, ids), truth, sure)
    return result


def _knowing(name: str, parts: set[str], known: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the model that has a structure if it knows any of it, else all that know a part."""
    models = [model for model, names in known.items() if parts & set(names)]
    own = structures()[name].model
    return [own] if own in models else models


def as_wholes(labels: np.ndarray, told: Collection[str]) -> np.ndarray:
    """Return ``labels`` in which parts of a structure that ``told`` names have its label.

    So a prediction looks like a reference that does not tell chambers of the heart apart. What is
    named itself stays.
    """
    label_of = np.arange(1 + max(by_id()), dtype=labels.dtype)
    for name in sorted(told, key=lambda name: -len(within(name))):  # inner wholes go last
        label_of[[label(part) for part in within(name).difference(told)]] = label(name)
    return label_of[labels]


def mean(cases: dict[str, Scores]) -> Scores:
    """Return Dice and surface Dice of each structure, averaged over the cases that hold it."""
    names = dict.fromkeys(name for its in cases.values() for name in its)
    return {
        name: {
            figure: float(np.mean([its[name][figure] for its in cases.values() if name in its]))
            for figure in ("dice", "surface_dice")
        }
        for name in names
    }


def _agreement(guess: np.ndarray, true: np.ndarray, grid: Volume, sure) -> Agreement:
    box = next(iter(boxes_of((guess | true).astype(np.uint8)).values()))
    box = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    voxel_ml = grid.voxel_ml
    return Agreement(
        round(dice(guess, true), 4),
        round(surface_dice(guess[box], true[box], grid.spacing_mm), 4),
        round(np.count_nonzero(true) * voxel_ml, 2),
        round(np.count_nonzero(guess) * voxel_ml, 2),
        *(sure or (None, None)),
    )
