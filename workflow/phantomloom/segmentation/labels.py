"""Segmentations that exist already: one label map, or a folder of masks, in any naming scheme.

The way in for people who have their labels, and for ground truth. Maps may lie on any grid: they
are placed in the patient as ingest places the scan, then brought onto the grid of the CT.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from phantomloom.io import scan as scans
from phantomloom.regions import boxes_of
from phantomloom.resample import Grid, covering
from phantomloom.scan import IMAGE_SUFFIXES, Scan, UnusableScanError, visible_files
from phantomloom.schemes import OWN, classes_of, means_part, named_in, structure_of, translated
from phantomloom.segmentation import Segmentation, UnusableLabelsError
from phantomloom.structures import by_id
from phantomloom.volume import Volume

said = logging.getLogger("phantomloom.segment")


class Claim(NamedTuple):
    """The voxels of one structure, cut to their box."""

    structure: int  # id
    box: tuple[slice, ...]
    inside: np.ndarray  # bool


def segment(
    ct: Volume, weights: Path, device: str, scheme: str = OWN, may_be_empty: bool = False
) -> Segmentation:
    """Return the labels at ``weights``, named in ``scheme``, on the grid of ``ct``.

    ``weights`` is one file of label ids, or a folder of masks each called after its class. Where
    masks overlap the smaller structure wins. If a folder ``may_be_empty``, it may hold empty masks
    only, which say that the scan shows none of it. Nothing runs on ``device``. Confidence is
    empty: the labels are given, not estimated.

    Raises:
        UnusableLabelsError: if nothing is there, or a file that is damaged or of another kind, if
            it holds what is no label of the scheme, or if no labelled voxel lies in the CT.
        ValueError: if there is no such scheme.
    """
    classes_of(scheme)
    maps = _masks(weights, scheme) if weights.is_dir() else [_map(weights, scheme)]
    given = any(labels.array.any() for labels in maps)
    if not given and not (may_be_empty and maps and weights.is_dir()):
        raise UnusableLabelsError(
            f"{weights}: no structure in it, only background or dropped classes"
        )
    found = _on_ct(maps, ct)
    if given and not found.any():
        raise UnusableLabelsError(
            f"{weights}: no labelled voxel lies in the CT; is it of another scan?"
        )
    given_ml = sum(np.count_nonzero(labels.array) * _voxel_ml(labels) for labels in maps)
    found_ml = np.count_nonzero(found) * ct.voxel_ml
    said.info("%.1f ml are labelled, %.1f ml on the grid of the CT", given_ml, found_ml)
    return Segmentation(ct.with_array(found), {})


def shown(weights: Path, scheme: str = OWN) -> frozenset[str]:
    """Return the structures that labels can show: in a folder those that have a mask, be it empty.

    A class that means a part of a structure does not show it.

    Raises:
        UnusableLabelsError: if the folder holds no mask, or one that is no class of the scheme.
    """
    if weights.is_dir():
        named = {_stem(path.name): number for path, number in _named(weights, scheme).items()}
        whole = {number for name, number in named.items() if not means_part(name, scheme)}
        return frozenset(by_id()[number].name for number in whole)
    return named_in(scheme)


def told(
    weights: Path, scheme: str, found: Volume, named: Collection[str] | None = None
) -> frozenset[str]:
    """Return the structures of which labels say where they are, and that they are nowhere else.

    Those ``named``, or else all that they show. A map of our own ids, such as a corrected one, does
    so of those that it holds: nobody knows what else its makers looked for. ``found`` are the
    labels' ids.

    Raises:
        ValueError: if the labels cannot show what is named, and see ``shown``.
    """
    if named:
        if lacking := {*named} - shown(weights, scheme):
            raise ValueError(
                f"{weights}: the labels cannot show {', '.join(sorted(lacking))} as a whole, which "
                "their `structures` in the config name; in a folder, put an empty mask there if "
                "the scan shows none, else take it out of the list"
            )
        return frozenset(named)
    if scheme == OWN and not weights.is_dir():
        return frozenset(by_id()[number].name for number in boxes_of(found.array))
    return shown(weights, scheme)


def _on_ct(maps: list[Scan], ct: Volume) -> np.ndarray:
    grid = Grid.of(ct)
    found = (covering(labels.array, labels.axes_mm, labels.origin_mm, grid) for labels in maps)
    if len(maps) == 1:
        return next(found)
    return _painted([c for labels in found for c in _claims(labels)], grid.shape, ct.voxel_ml)


def _map(path: Path, scheme: str) -> Scan:
    scan = _read(path)
    try:
        labels = translated(scan.array, scheme)
    except ValueError as fault:
        raise UnusableLabelsError(f"{path}: {fault}") from fault
    present = set(np.unique(scan.array[labels == 0]).tolist())
    if dropped := [c.name for c in classes_of(scheme) if c.id in present]:
        said.info("%s: dropped %s", path.name, ", ".join(dropped))
    return replace(scan, array=labels)


def _masks(folder: Path, scheme: str) -> list[Scan]:
    """Return a label map for each grid on which the masks lie."""
    grids: dict[tuple, list[Claim]] = {}
    places: dict[tuple, Scan] = {}
    for path, structure in _named(folder, scheme).items():
        scan = _read(path)
        if len(values := np.unique(scan.array[scan.array != 0])) > 1:
            raise UnusableLabelsError(
                f"{path}: a mask holds one value beside 0, this one {values.tolist()}"
            )
        place = (scan.array.shape, *np.round([*scan.axes_mm.ravel(), *scan.origin_mm], 3).tolist())
        places[place] = replace(scan, array=np.zeros(scan.array.shape, np.uint8))
        grids.setdefault(place, []).extend(_claims((scan.array != 0) * np.uint8(structure)))
    return [
        replace(scan, array=_painted(grids[place], scan.array.shape, _voxel_ml(scan)))
        for place, scan in places.items()
    ]


def _named(folder: Path, scheme: str) -> dict[Path, int]:
    """Return the structure's id for each mask of ``folder``, without the dropped classes."""
    names = {path: _stem(path.name) for path in visible_files(folder)}
    names = {path: name for path, name in names.items() if name}
    if not names:
        raise UnusableLabelsError(
            f"{folder}: no mask in it; a mask is a file CLASS{IMAGE_SUFFIXES[0]}"
        )
    found, unknown = {}, []
    for path, name in names.items():
        try:
            found[path] = structure_of(name, scheme)
        except KeyError:
            unknown.append(path.name)
    if unknown:
        raise UnusableLabelsError(
            f"{folder}: scheme {scheme} has no class for {', '.join(unknown)}"
        )
    if dropped := [names[path] for path, structure in found.items() if structure is None]:
        said.info("%s: dropped %s", folder.name, ", ".join(dropped))
    return {path: structure.id for path, structure in found.items() if structure}


def _stem(name: str) -> str:
    """Return a mask's file name without its suffix; empty if it is no image."""
    for suffix in IMAGE_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return ""


def _read(path: Path) -> Scan:
    try:
        scan = scans.read(path)
    except UnusableScanError as fault:
        raise UnusableLabelsError(f"{path}: {fault.fault}; export the labels again") from fault
    if _has_fractions(path):
        raise UnusableLabelsError(
            f"{path}: labels are whole numbers, this holds fractions; is it a scan?"
        )
    return scan


def _has_fractions(path: Path) -> bool:
    """Tell whether a file of floats holds others than whole numbers: reading a scan rounds them."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:  # the sheared grid of a tilted gantry: SimpleITK refuses what _read took
        return False
    if reader.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64):
        return False
    image = reader.Execute()
    return any((part != np.rint(part)).any() for part in sitk.GetArrayViewFromImage(image))


def _claims(labels: np.ndarray) -> list[Claim]:
    return [Claim(n, box, labels[box] == n) for n, box in boxes_of(labels).items()]


def _painted(claims: list[Claim], shape: tuple[int, ...], voxel_ml: float) -> np.ndarray:
    """Return the label map of ``claims``; the smaller wins, and what it takes away is logged."""
    labels = np.zeros(shape, np.uint8)
    for claim in sorted(claims, key=lambda claim: -np.count_nonzero(claim.inside)):
        under = labels[claim.box]
        taken = np.bincount(under[claim.inside], minlength=256)
        taken[[0, claim.structure]] = 0
        for other in np.flatnonzero(taken).tolist():
            names = by_id()[claim.structure].name, by_id()[other].name
            said.info("%s takes %.2f ml from %s", names[0], taken[other] * voxel_ml, names[1])
        under[claim.inside] = claim.structure
    return labels


def _voxel_ml(scan: Scan) -> float:
    return float(abs(np.linalg.det(scan.axes_mm))) / 1000
