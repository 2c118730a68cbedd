"""What the networks learn to find, and what each training case can teach of it."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from phantomloom.segmentation.network import BLOCK
from phantomloom.structures import MODELS, by_id, structures
from phantomloom.tissues import body_surface, tissues
from phantomloom.volume import Volume

BODY = ("body", "subcutaneous_fat", "muscles", "bones", "visceral_fat")


class TrainingCase(NamedTuple):
    """A CT with reference labels on its grid.

    ``labels`` hold structure ids. A structure that they do not hold is not known to be absent:
    it may lie outside what was labelled, so nothing is taught about it.
    """

    name: str
    ct: Volume
    labels: Volume

    @property
    def held(self) -> set[str]:
        """Names of the structures the labels hold, and the tissues, which derive from HU."""
        return {by_id()[i].name for i in np.unique(self.labels.array) if i} | set(BODY)


def classes(cases: list[TrainingCase]) -> dict[str, tuple[str, ...]]:
    """Return for each model the structures that it learns; class 0 is none of them."""
    held = set().union(*(case.held for case in cases))
    return {
        model: tuple(n for n, s in structures().items() if s.model == model and n in held)
        for model in MODELS
    }


def targets(case: TrainingCase, learnt: dict[str, tuple[str, ...]]) -> np.ndarray:
    """Return class indices [models, Z, Y, X] in the order of ``learnt``."""
    tissue = _tissues(case)
    return np.stack(
        [
            _indices(tissue if model == "body" else case.labels.array, names)
            for model, names in learnt.items()
        ]
    )


def _indices(labels: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    table = np.zeros(256, np.uint8)
    table[[structures()[name].id for name in names]] = np.arange(1, len(names) + 1)
    return table[labels]


def _tissues(case: TrainingCase) -> np.ndarray:
    """Return the body model's five classes, which cover organs too: a muscle organ is muscle."""
    inside = body_surface(case.ct)
    derived = tissues(case.ct, inside, case.labels.array)
    ids = {name: structures()[name].id for name in BODY}
    coarse = np.full(256, ids["body"], np.uint8)
    coarse[[ids["subcutaneous_fat"], ids["visceral_fat"]]] = (
        ids["subcutaneous_fat"],
        ids["visceral_fat"],
    )
    for structure in structures().values():
        if structure.tissue in ("bone", "muscle"):
            coarse[structure.id] = ids["bones" if structure.tissue == "bone" else "muscles"]
    merged = np.where(case.labels.array > 0, case.labels.array, derived)
    return np.where(inside, coarse[merged], 0)


def split(
    weights: dict[str, Tensor], learnt: dict[str, tuple[str, ...]]
) -> dict[str, dict[str, Tensor]]:
    """Return the weights of each model: the shared trunk and its own rows of the head."""
    sizes = [BLOCK**3 * (1 + len(names)) for names in learnt.values()]
    heads = {name: weights[name].split(sizes) for name in ("head.weight", "head.bias")}
    return {
        model: weights | {name: parts[i].clone() for name, parts in heads.items()}
        for i, model in enumerate(learnt)
    }
