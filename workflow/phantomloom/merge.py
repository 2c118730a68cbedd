"""One label map out of several models' maps: every voxel inside the skin belongs to one structure.

1. In each model's map vertebrae and ribs become consistent (``spine``); then structures lose what
   lies many vertebrae from where people have them (``strays``), and their islands (``regions``), so
   that a weaker model may claim the place.
2. The earlier entry of ``precedence`` wins where two claim a voxel; what they disagree on is kept.
   A structure ranks by its own entry, else by that of the model which found it, but never behind a
   structure that contains it. In a tie the structure that claims less wins.
3. Nothing lies outside the body surface; a hole inside one structure belongs to it.
4. Gas pockets in organs are gas, bubbles in stool are not.
5. What no organ claims is skin, gas or lung where HU and position tell so (``tissues``), else the
   body model's tissue, else what they tell.

Maps that people made (``given``) take part in 2 and 5 alone: what they win stays as they have it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from phantomloom.regions import (
    looked_up,
    pockets,
    voxels_by_id,
    without_holes,
    without_islands,
)
from phantomloom.spine import consistent
from phantomloom.strays import without_strays
from phantomloom.structures import MODELS, by_id, label, structures
from phantomloom.tissues import body_surface, tissues
from phantomloom.vertebral_levels import levels
from phantomloom.volume import Volume

TISSUES = "body"  # the model whose structures fill what no organ claims
NO_RANK = np.uint16(65535)  # of no structure: weaker than any
OF_PEOPLE = np.uint8(255)  # no structure's id
Precedence = Sequence[str | Sequence[str]]


class Merged(NamedTuple):
    """A label map and what was decided on the way; volumes in ml."""

    labels: np.ndarray  # uint8 [Z, Y, X]
    conflicts: list[dict]  # {a, b, ml}: ``a`` won over ``b``
    spine: list[dict]  # {model} and what ``spine`` reports
    strays: list[dict]  # {model, structure, ml}: dropped, too many vertebrae from its place
    islands_ml: float
    outside_ml: float  # claimed outside the body surface
    organ_gas_ml: float  # claimed by an organ, but gas
    derived_ml: float  # filled by HU and position, without a model
    unassigned_ml: float


def merge(
    ct: Volume,
    models: Mapping[str, np.ndarray],
    precedence: Precedence,
    stray_levels: float,
    island_ml: float,
    island_fraction: float,
    hole_ml: float,
    gas_hu: float,
    gas_ml: float,
    spine: Mapping[str, Any],
    given: Collection[str] = (),
) -> Merged:
    """Return the one label map of ``models`` (name -> uint8 ids on the grid of ``ct``).

    ``precedence`` lists models and, where one differs from its model, structures; strongest first,
    a list inside it is a tie. A model is free to find any structures of the table, also those that
    another one finds. ``given`` names the models that people made.

    Raises:
        ValueError: if a model labels what the table has not, lacks a place in ``precedence``, or
            there is no body in ``ct``.
    """
    _validate(models, precedence)
    inside = body_surface(ct)
    claims = {name: array for name, array in models.items() if name != TISSUES or name in given}
    reports, strays, islands = [], [], 0
    found = [name for name in claims if name not in given]
    for name in found:
        claims[name], told = consistent(ct.with_array(claims[name]), **spine)
        reports += [{"model": name} | report for report in told]
    of_plane = _levels(claims, given, ct) if found else None
    for name in found:
        if of_plane is not None:
            claims[name], lost = without_strays(claims[name], of_plane, stray_levels)
            strays += [
                {"model": name, "structure": structure, "ml": round(voxels * ct.voxel_ml, 3)}
                for structure, voxels in lost.items()
            ]
        whole = claims[name]
        claims[name] = without_islands(ct.with_array(whole), island_ml, island_fraction)
        islands += int(np.count_nonzero(whole) - np.count_nonzero(claims[name]))
    organs, kept, conflicts = _by_precedence(claims, given, precedence, ct)
    outside = np.count_nonzero(organs[~inside & ~kept])
    organs *= inside | kept
    filled = without_holes(ct.with_array(np.where(kept, OF_PEOPLE, organs)), hole_ml)
    np.copyto(organs, filled, where=inside & (organs == 0) & (filled != OF_PEOPLE))
    gas = pockets(looked_up(_hollow(), organs) & (ct.array < gas_hu) & ~kept, ct, gas_ml)
    organs[gas] = label("gas")
    rest = None if TISSUES in claims else models.get(TISSUES)
    derived = _fill(ct, inside, organs, rest)
    return Merged(
        labels=organs,
        conflicts=conflicts,
        spine=sorted(reports, key=lambda report: (report["model"], report["bones"])),
        strays=sorted(strays, key=lambda stray: (stray["model"], stray["structure"])),
        islands_ml=islands * ct.voxel_ml,
        outside_ml=outside * ct.voxel_ml,
        organ_gas_ml=np.count_nonzero(gas) * ct.voxel_ml,
        derived_ml=derived * ct.voxel_ml,
        unassigned_ml=np.count_nonzero(inside & (organs == 0)) * ct.voxel_ml,
    )


def _validate(models: Mapping[str, np.ndarray], precedence: Precedence) -> None:
    places = _places(precedence)
    for name in places:
        if name not in {*MODELS, *models, *structures()}:
            raise ValueError(f"merge.precedence: {name!r} is neither a model nor a structure")
    for name, array in models.items():
        own = {row.name for row in structures().values() if row.model == name}
        if not {name, *own} & places.keys():
            raise ValueError(f"merge.precedence: lacks the model {name!r}; list every model")
        if strange := set(np.flatnonzero(voxels_by_id(array)).tolist()) - {0, *by_id()}:
            raise ValueError(f"model {name!r} labels ids that are no structures: {sorted(strange)}")


def _levels(
    claims: Mapping[str, np.ndarray], given: Collection[str], ct: Volume
) -> np.ndarray | None:
    """Return the level of each plane by the map of people, else by that with most of vertebrae."""
    told = {name: levels(ct.with_array(array)) for name, array in sorted(claims.items())}
    able = {name: its for name, its in told.items() if its is not None}
    by = max(able, key=lambda name: (name in given, able[name].told_by_ml), default=None)
    return None if by is None else able[by].of_plane


def _by_precedence(
    claims: Mapping[str, np.ndarray], given: Collection[str], precedence: Precedence, ct: Volume
) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """Return the winner of each voxel, where ``given`` have it so, and the conflicts."""
    result, kept = np.zeros(ct.array.shape, np.uint8), np.zeros(ct.array.shape, bool)
    ranks = _ranks({name: voxels_by_id(array) for name, array in claims.items()}, precedence)
    pairs = np.zeros(1 << 16, np.int64)  # winner * 256 + loser
    for z, winner in enumerate(result):
        best = np.full(winner.shape, NO_RANK)
        for name, array in claims.items():
            rank = ranks[name][array[z]]
            np.copyto(winner, array[z], where=rank < best)
            np.minimum(best, rank, out=best)
        for name, array in claims.items():
            lost = (array[z] > 0) & (array[z] != winner)
            both = winner[lost].astype(np.uint16) << 8 | array[z][lost]
            pairs += np.bincount(both, minlength=len(pairs))
            if name in given:
                kept[z] |= (winner > 0) & (array[z] == winner)
    return (
        result,
        kept,
        [
            {
                "a": by_id()[pair >> 8].name,
                "b": by_id()[pair & 255].name,
                "ml": round(int(pairs[pair]) * ct.voxel_ml, 3),
            }
            for pair in np.flatnonzero(pairs).tolist()
        ],
    )


def _places(precedence: Precedence) -> dict[str, int]:
    return {
        name: place
        for place, entry in enumerate(precedence)
        for name in ([entry] if isinstance(entry, str) else entry)
    }


def _ranks(voxels: Mapping[str, np.ndarray], precedence: Precedence) -> dict[str, np.ndarray]:
    """Return by model the rank of each id that it claims, 0 strongest; all others are weakest.

    Where a structure lies in another one that is claimed, it takes that one's place and size if
    they are stronger, and goes before it.
    """
    place = _places(precedence)
    claims = {  # place and size, the smaller the stronger
        (model, row.name): (place.get(row.name, place.get(model, len(place))), int(counts[n]))
        for model, counts in voxels.items()
        for n, row in by_id().items()
        if counts[n]
    }

    def strength(claim: tuple[str, str]) -> tuple:
        model, name = claim
        around = list(_ancestors(name))
        bounds = [key for (_, other), key in claims.items() if other in around]
        keys = [claims[claim], *(() if name in place else bounds)]
        return (*(min(values) for values in zip(*keys, strict=True)), -len(around), name, model)

    ranks = {model: np.full(256, NO_RANK) for model in voxels}
    for rank, (model, name) in enumerate(sorted(claims, key=strength)):
        ranks[model][label(name)] = rank
    return ranks


def _ancestors(name: str) -> Iterator[str]:
    """Yield the structures that contain ``name``, the nearest first."""
    while name := structures()[name].parent:
        yield name


def _hollow() -> np.ndarray:
    """Return which ids may hold gas that is no part of them: soft organs."""
    return np.array([n in by_id() and by_id()[n].tissue in ("organ", "soft") for n in range(256)])


def _fill(ct: Volume, inside: np.ndarray, organs: np.ndarray, model: np.ndarray | None) -> int:
    """Put tissues where ``organs`` has none; return how many ``model`` did not claim either."""
    by_hu = tissues(ct, inside, organs)
    free = inside & (organs == 0)
    np.copyto(organs, by_hu, where=free)
    if model is not None:
        certain = np.isin(np.arange(256), [label(name) for name in ("skin", "gas", "lung")])
        told = free & (model > 0) & ~looked_up(certain, by_hu)  # HU tells these
        np.copyto(organs, model, where=told)
        free &= ~told
    return int(np.count_nonzero(free))
