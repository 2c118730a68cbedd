"""What the classes of other tools are called here: their label ids and names as our structures.

Sources: ``totalsegmentator.map_to_binary.class_map`` of TotalSegmentator 2.18.0 (``total``, its
older and coming versions ``total_v1`` and ``total_v3``, its subtasks by their names; ``total_v1``
is also MONAI's ``wholeBody_ct_segmentation``); ``label_dict.json`` of MONAI's VISTA3D; the classes
of the four nnU-Net data sets 1004, 1001, 1002 and 1005 of Dahal et al., arXiv 2405.11133
(``xcat_...``), whose names and ids are known from others who used them, not from the data sets:
where these disagree on ids, there are none here. A row without an id is another spelling.
A lesion means the organ around it, a part of an organ without a structure of its own the organ;
where the parts that a scheme names are not the whole, as the arch is not the skull, the note says
"part".
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phantomloom.io import tsv
from phantomloom.structures import BACKGROUND, Structure, structures

TABLE = Path(__file__).with_suffix(".tsv")
OWN = "phantomloom"  # the scheme of our own ids and names
PART = "part"  # of its structure, whose rest the labels do not show


class Foreign(NamedTuple):
    """A class of another tool's label maps."""

    id: int | None  # None where not published
    name: str
    structure: str  # name of the structure it means; empty where it is dropped
    note: str  # why it is dropped, or PART


@cache
def schemes() -> dict[str, tuple[Foreign, ...]]:
    """Return the classes of every naming scheme; many may mean one structure."""
    found = {OWN: [Foreign(s.id, s.name, s.name, "") for s in structures().values()]}
    for row in tsv.rows(TABLE):
        number = int(row["id"]) if row["id"] else None
        foreign = Foreign(number, row["name"], row["structure"], row["note"])
        found.setdefault(row["scheme"], []).append(foreign)
    return {scheme: tuple(classes) for scheme, classes in found.items()}


def classes_of(scheme: str) -> tuple[Foreign, ...]:
    """Return the classes of ``scheme``.

    Raises:
        ValueError: if there is no such scheme.
    """
    if scheme not in schemes():
        raise ValueError(f"naming scheme {scheme!r}; known are {', '.join(schemes())}")
    return schemes()[scheme]


@cache
def named_in(scheme: str) -> frozenset[str]:
    """Return the structures that labels in ``scheme`` can show, as a whole.

    Raises:
        ValueError: if there is no such scheme.
    """
    return frozenset(c.structure for c in classes_of(scheme) if c.structure and c.note != PART)


def means_part(name: str, scheme: str) -> bool:
    """Return whether the class ``name`` of ``scheme`` is but a part of the structure it means."""
    parts = [c.name for c in classes_of(scheme) if c.note == PART]
    return _words(name) in map(_words, parts)


def structure_of(name: str, scheme: str | None = None) -> Structure | None:
    """Return the structure that the class ``name`` means; None if the class is dropped.

    Case and the order of words do not count; spaces, hyphens and underscores are alike. Without a
    scheme our own names are searched, then those of all others: no name means two structures.

    Raises:
        KeyError: if no class has that name.
        ValueError: if there is no such scheme.
    """
    for searched in schemes() if scheme is None else [scheme]:
        if (meant := _names(searched).get(_words(name))) is not None:
            return structures()[meant] if meant else None
    raise KeyError(name)


def translated(labels: np.ndarray, scheme: str) -> np.ndarray:
    """Return the ids of ``scheme`` as our uint8 ids, of any shape; dropped classes become 0.

    Raises:
        ValueError: if the scheme is unknown or lacks an id of ``labels``; all such are listed.
    """
    known = {BACKGROUND: BACKGROUND} | {
        c.id: structures()[c.structure].id if c.structure else BACKGROUND
        for c in classes_of(scheme)
        if c.id is not None
    }
    if len(known) == 1:
        raise ValueError(f"the label ids of {scheme} are not published; give a mask a class")
    present = np.unique(labels).tolist()
    if unknown := [i for i in present if i not in known]:
        raise ValueError(f"scheme {scheme} has no label {', '.join(map(str, unknown))}")
    table = np.zeros(max(present) + 1, np.uint8)
    table[present] = [known[i] for i in present]
    return table[labels]


def ids_of(classes: Mapping[int, str], origin: str) -> np.ndarray:
    """Return the uint8 structure id of each label value up to the largest of ``classes``.

    Names are looked up in all naming schemes; values without a class, and classes that the schemes
    drop, become 0. ``origin`` tells in an error where the names come from.

    Raises:
        ValueError: listing all names that no scheme knows.
    """
    ids = np.zeros(max(classes, default=0) + 1, np.uint8)
    unknown = []
    for value, name in classes.items():
        try:
            structure = structure_of(name)
        except KeyError:
            unknown.append(name)
        else:
            ids[value] = structure.id if structure else 0
    if unknown:
        raise ValueError(
            f"{origin}: no structure goes by {', '.join(unknown)}; "
            "rename the labels there, or add the names to schemes.tsv"
        )
    return ids


@cache
def _names(scheme: str) -> dict[tuple[str, ...], str]:
    return {_words(foreign.name): foreign.structure for foreign in classes_of(scheme)}


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(name.lower().replace("_", " ").replace("-", " ").split()))
