"""Pairs of any folder: ``images/NAME.*`` with ``masks/NAME.*`` of the same name and size."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from phantomloom.gan.data import squares
from phantomloom.gan.pair import PARTS, About, Pair
from phantomloom.splitting import drawn_parts

SHOWN = 5  # names that an error lists
UNKNOWN = 255  # number of a mask value that is no class


def read(
    folder: Path | str,
    size: int,
    classes: Mapping[str, int],
    shares: Sequence[float],
    seed: int = 0,
    grey: bool = False,
    group: str | None = None,
) -> tuple[About, Iterator[Pair]]:
    """Return what holds for all pairs, and the pairs, part by part, loaded one at a time.

    Args:
        folder: holds ``images`` and ``masks``.
        size: pixels of an edge, to which both are brought down.
        classes: by name, the value that stands for it in the masks; 0 is the background.
        shares: of training, validation and test pairs.
        seed: draws who is in which part.
        grey: whether images are one channel, else RGB.
        group: a regular expression with a group called ``group`` that finds in a name who the
            picture is of, such as ``(?P<group>.+)_``; without it each picture is its own group.

    Raises:
        FileNotFoundError: if ``images`` or ``masks`` is lacking or empty.
        ValueError: if names or sizes do not match, listing some; while loading, if a mask has a
            value that is no class.
    """
    folder, table = Path(folder), numbers(classes, tuple(classes))
    images, masks = (_by_name(folder / kind) for kind in ("images", "masks"))
    _check_names(folder, images, masks)
    _check_sizes(images, masks, size)
    names = sorted(images)
    groups = [_group(name, group) for name in names]
    parts = drawn_parts(groups, shares, seed, str(folder)).tolist()
    rows = sorted(
        zip(names, groups, parts, strict=True), key=lambda row: (PARTS.index(row[2]), row[0])
    )
    pairs = (
        Pair(
            squares.picture(images[name], size, grey),
            squares.shrunk(classes_of(masks[name], table), size),
            *(name, of_group, part),
        )
        for name, of_group, part in rows
    )
    return About(0.0, 255.0, "grey", tuple(classes), None), pairs


def numbers(classes: Mapping[str, int], names: Sequence[str]) -> np.ndarray:
    """Return the class number of each mask value, uint8 [256]; class n + 1 is ``names[n]``.

    Raises:
        ValueError: if a class is none of ``names``, or a value none of a mask or another class's.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    table[0] = 0
    for name, value in classes.items():
        if name not in names:
            raise ValueError(f"class {name!r} is none of {', '.join(names)}")
        if not 0 < value < 256 or table[value] != UNKNOWN:
            raise ValueError(f"class {name!r}: mask values are 1 to 255, each of one class")
        table[value] = names.index(name) + 1
    if not 0 < len(classes) < UNKNOWN:
        raise ValueError(f"there are 1 to {UNKNOWN - 1} classes, not {len(classes)}")
    return table


def masks(folder: Path, table: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Return the class numbers [size, size] of each ``*.png`` of a folder by its name.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: as ``classes_of``, or if a mask is no square of at least ``size`` pixels.
    """
    files = sorted(folder.glob("*.png"))
    if not files:
        raise FileNotFoundError(f"{folder}: looked for *.png; there are none")
    found = {}
    for file in files:
        squares.check_size(file, _size(file), size)
        found[file.stem] = squares.shrunk(classes_of(file, table), size)
    return found


def _by_name(folder: Path) -> dict[str, Path]:
    files = [p for p in folder.glob("*") if p.is_file() and not p.name.startswith(".")]
    if not files:
        raise FileNotFoundError(f"{folder}: looked for images/NAME.* and masks/NAME.*; none here")
    found = {path.stem: path for path in files}
    if len(found) < len(files):
        twice = sorted(p.name for p in files if found[p.stem] != p)
        raise ValueError(f"{folder}: two files of one name, such as {twice[0]}")
    return found


def _check_names(folder: Path, images: Mapping[str, Path], masks: Mapping[str, Path]) -> None:
    faults = [
        f"{len(lone)} {kind} without {other}: {', '.join(sorted(lone)[:SHOWN])}"
        for kind, other, lone in (
            ("images", "a mask", images.keys() - masks.keys()),
            ("masks", "an image", masks.keys() - images.keys()),
        )
        if lone
    ]
    if faults:
        raise ValueError(f"{folder}: images and masks pair by name; {'; '.join(faults)}")


def _check_sizes(images: Mapping[str, Path], masks: Mapping[str, Path], size: int) -> None:
    faults = []
    for name in sorted(images):
        found, of_mask = _size(images[name]), _size(masks[name])
        squares.check_size(images[name], found, size)
        if found != of_mask:
            faults.append(f"{name} {found[0]} x {found[1]} and {of_mask[0]} x {of_mask[1]}")
    if faults:
        raise ValueError(f"{len(faults)} images and masks differ in size: {'; '.join(faults[:5])}")


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def _group(name: str, pattern: str | None) -> str:
    if pattern is None:
        return name
    if "group" not in re.compile(pattern).groupindex:
        raise ValueError(f"group: {pattern!r} has no (?P<group>...)")
    if not (found := re.search(pattern, name)) or not found["group"]:
        raise ValueError(f"group: {pattern!r} finds nobody in the name {name!r}")
    return found["group"]


def classes_of(path: Path, table: np.ndarray) -> np.ndarray:
    """Return the class numbers of the mask at ``path``, whose values ``numbers`` made a table of.

    Raises:
        ValueError: if it has a value that is no class.
    """
    values = squares.values(path)
    classes = table[values]
    if (classes == UNKNOWN).any():
        strange = sorted(set(values[classes == UNKNOWN].tolist()))
        raise ValueError(f"{path}: the mask has {strange[:SHOWN]}, which stand for no class")
    return classes
