"""One label map out of several models' maps: every voxel inside the skin belongs to one structure.

1. Each model loses its islands (``regions``), so that a weaker model may claim the place.
2. The earlier entry of ``precedence`` wins where two claim a voxel; what they disagree on is kept.
   A structure ranks by its own entry, else by that of the model which found it.
3. Nothing lies outside the body surface; a hole inside one structure belongs to it.
4. Gas pockets in organs are gas, bubbles in stool are not.
5. What no organ claims gets the body model's tissue, else the one that HU and position tell
   (``tissues``); the outermost layer of these is skin.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.regions import pockets, without_holes, without_islands
from phantomloom.structures import MODELS, by_id, label, structures
from phantomloom.tissues import body_surface, tissues
from phantomloom.volume import Volume

TISSUES = "body"  # the model whose structures fill what no organ claims
NO_RANK = np.uint16(65535)  # of no structure: weaker than any


class Merged(NamedTuple):
    """A label map and what was decided on the way; volumes in ml."""

    labels: np.ndarray  # uint8 [Z, Y, X]
    conflicts: list[dict]  # {a, b, ml}: ``a`` won over ``b``
    islands_ml: float
    outside_ml: float  # claimed outside the body surface
    organ_gas_ml: float  # claimed by an organ, but gas
    derived_ml: float  # filled by HU and position, without a model
    unassigned_ml: float


def merge(
    ct: Volume,
    models: Mapping[str, np.ndarray],
    precedence: Sequence[str],
    island_ml: float,
    island_fraction: float,
    hole_ml: float,
    gas_hu: float,
    gas_ml: float,
) -> Merged:
    """Return the one label map of ``models`` (name -> uint8 ids on the grid of ``ct``).

    ``precedence`` lists models and, where one differs from its model, structures; strongest first.
    A model is free to find any structures of the table, also those that another one finds.

    Raises:
        ValueError: if a model labels what the table has not, lacks a place in ``precedence``, or
            there is no body in ``ct``.
    """
    _validate(models, precedence)
    inside = body_surface(ct)
    tidy = {
        name: without_islands(ct.with_array(array), island_ml, island_fraction)
        if name != TISSUES
        else array
        for name, array in models.items()
    }
    claimed = {name: np.count_nonzero(array) for name, array in models.items()}
    kept = {name: np.count_nonzero(array) for name, array in tidy.items()}
    claims = {name: array for name, array in tidy.items() if name != TISSUES}
    organs, conflicts = _by_precedence(claims, precedence, ct)
    outside = np.count_nonzero(organs[~inside])
    organs = without_holes(ct.with_array(organs * inside), hole_ml) * inside
    gas = pockets(_hollow()[organs] & (ct.array < gas_hu), ct, gas_ml)
    organs[gas] = label("gas")
    filled, derived = _fill(ct, inside, organs, tidy.get(TISSUES))
    return Merged(
        labels=filled,
        conflicts=conflicts,
        islands_ml=(sum(claimed.values()) - sum(kept.values())) * ct.voxel_ml,
        outside_ml=outside * ct.voxel_ml,
        organ_gas_ml=np.count_nonzero(gas) * ct.voxel_ml,
        derived_ml=np.count_nonzero(derived) * ct.voxel_ml,
        unassigned_ml=np.count_nonzero(inside & (filled == 0)) * ct.voxel_ml,
    )


def _validate(models: Mapping[str, np.ndarray], precedence: Sequence[str]) -> None:
    for name in precedence:
        if name not in {*MODELS, *models, *structures()}:
            raise ValueError(f"merge.precedence: {name!r} is neither a model nor a structure")
    for name, array in models.items():
        own = {row.name for row in structures().values() if row.model == name}
        if not {name, *own} & set(precedence):
            raise ValueError(f"merge.precedence: lacks the model {name!r}; list every model")
        if strange := set(np.flatnonzero(np.bincount(array.ravel())).tolist()) - {0, *by_id()}:
            raise ValueError(f"model {name!r} labels ids that are no structures: {sorted(strange)}")


def _by_precedence(
    claims: Mapping[str, np.ndarray], precedence: Sequence[str], ct: Volume
) -> tuple[np.ndarray, list[dict]]:
    """Return the winner of each voxel and the volume of each pair that claimed the same."""
    result = np.zeros(ct.array.shape, np.uint8)
    best = np.full(ct.array.shape, NO_RANK)
    pairs = np.zeros(1 << 16, np.int64)  # winner * 256 + loser
    for name, array in claims.items():
        rank = _ranks(name, precedence)[array]
        wins = rank < best
        both = (array > 0) & (result > 0) & (array != result)
        winner = np.where(wins, array, result)[both].astype(np.uint16)
        loser = np.where(wins, result, array)[both]
        pairs += np.bincount(winner << 8 | loser, minlength=1 << 16)
        np.copyto(result, array, where=wins)
        np.copyto(best, rank, where=wins)
    return result, [
        {"a": by_id()[pair >> 8].name, "b": by_id()[pair & 255].name, "ml": voxels * ct.voxel_ml}
        for pair, voxels in enumerate(pairs.tolist())
        if voxels
    ]


def _ranks(model: str, precedence: Sequence[str]) -> np.ndarray:
    """Return the rank of each id as ``model`` found it, 0 strongest, no structure weakest."""
    place = {name: rank for rank, name in enumerate(precedence)}
    ranks = np.full(256, NO_RANK)
    for number, row in by_id().items():
        ranks[number] = place.get(row.name, place.get(model, len(place)))
    return ranks


def _hollow() -> np.ndarray:
    """Return which ids may hold gas that is no part of them: soft organs."""
    return np.array([n in by_id() and by_id()[n].tissue in ("organ", "soft") for n in range(256)])


def _fill(
    ct: Volume, inside: np.ndarray, organs: np.ndarray, model: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the full label map, and which voxels neither an organ nor the body model claimed."""
    by_hu = tissues(ct, inside, organs)
    certain = np.isin(by_hu, [label(name) for name in ("skin", "gas", "lung")])  # HU tells these
    told = by_hu if model is None else np.where((model > 0) & ~certain, model, by_hu)
    free = inside & (organs == 0)
    derived = free if model is None else free & ((model == 0) | certain)
    return np.where(free, told, organs), derived
