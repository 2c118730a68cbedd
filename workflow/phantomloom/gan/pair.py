"""One image with its mask, and what makes many of them a data set."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from phantomloom.splitting import PARTS

SMALLEST = 16  # pixels, for the metrics; sizes are 16, 32 and so on, as generators double them
PIXEL_TYPES = (np.uint8, np.int16)


class About(NamedTuple):
    """What holds for all pairs of a data set; ``pairs.Pairs`` says what each field is."""

    low: float
    high: float
    unit: str
    class_names: tuple[str, ...]
    pixel_mm: float | None


class Pair(NamedTuple):
    """One image [C, H, W] with its mask [H, W]; ``pairs.Pairs`` says what each field is."""

    image: np.ndarray
    mask: np.ndarray
    name: str
    group: str
    part: str


def in_order(pairs: Iterable[Pair], rows: dict[str, tuple[str, str]]) -> Iterator[Pair]:
    """Yield ``pairs`` and note group and part of each in ``rows``.

    Parts must come one after the other, as only a block of rows stays memory-mapped.

    Raises:
        ValueError: if they do not, if a name comes twice, or if a group is in two parts.
    """
    part_of: dict[str, str] = {}
    last = PARTS[0]
    for pair in pairs:
        if pair.part not in PARTS:
            raise ValueError(f"{pair.name}: parts are {', '.join(PARTS)}, not {pair.part!r}")
        if pair.name in rows:
            raise ValueError(f"{pair.name}: two pairs have this name")
        if (other := part_of.setdefault(pair.group, pair.part)) != pair.part:
            raise ValueError(f"{pair.name}: {pair.group!r} is in {other} and in {pair.part}")
        if PARTS.index(pair.part) < PARTS.index(last):
            raise ValueError(f"{pair.name}: a pair of {pair.part} after pairs of {last}; sort them")
        last = pair.part
        rows[pair.name] = (pair.group, pair.part)
        yield pair


def check(pair: Pair, first: Pair, classes: int) -> None:
    """Raise ValueError if image and mask are no pair, or not like the first one."""
    image, mask = pair.image, pair.mask
    if image.dtype not in PIXEL_TYPES or mask.dtype != np.uint8:
        raise ValueError(
            f"{pair.name}: images are uint8 or int16 and masks uint8, not {image.dtype} and "
            f"{mask.dtype}"
        )
    size = image.shape[-1]
    if image.ndim != 3 or image.shape[1:] != (size, size) or mask.shape != (size, size):
        raise ValueError(
            f"{pair.name}: image [C, H, W] and mask [H, W] are squares of one size; these are "
            f"{image.shape} and {mask.shape}"
        )
    if size < SMALLEST or size & (size - 1):
        raise ValueError(f"{pair.name}: {size} pixels; sizes are {SMALLEST}, 32, 64 and so on")
    if image.shape != first.image.shape or image.dtype != first.image.dtype:
        raise ValueError(
            f"{pair.name}: {image.dtype} {image.shape}, but {first.name} is {first.image.dtype} "
            f"{first.image.shape}"
        )
    if mask.max() > classes:
        raise ValueError(f"{pair.name}: the mask has class {mask.max()}, the data set {classes}")
