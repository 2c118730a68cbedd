"""One image with its mask, and what makes many of them a data set."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from phantomloom.gan import settings
from phantomloom.splitting import PARTS

SIZES = settings.SIZES[1:]  # pixels of an edge; metrics need 16
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
        ValueError: if they do not, if a name comes twice, or if a group or an image is in two
            parts.
    """
    part_of: dict[str, str] = {}
    names: dict[bytes, str] = {}
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
        if mark := mark_of(pair.image):
            other = names.setdefault(mark, pair.name)
            if (its := rows[other][1]) != pair.part:
                raise ValueError(
                    f"{pair.name} of {pair.part} is the same image as {other} of {its}; nobody is "
                    "in two parts, so take one of them out"
                )
        yield pair


def mark_of(image: np.ndarray) -> bytes:
    """Return what tells an image from others, whatever they are called; nothing of a plain one."""
    values = np.asarray(image)
    plain = (values == values[..., :1, :1]).all()
    return b"" if plain else sha256(np.ascontiguousarray(values).data).digest()


def check_classes(classes: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError, naming the class, if what belongs to one is no list of texts."""
    if not isinstance(classes, Mapping):
        raise ValueError(f"classes: a list for each name, not {classes!r}")
    for name, terms in classes.items():
        if not isinstance(terms, list | tuple) or not all(isinstance(term, str) for term in terms):
            raise ValueError(f"classes: {name}: a list of names in brackets, not {terms!r}")


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
    if size not in SIZES:
        raise ValueError(f"{pair.name}: {size} pixels; size is one of {SIZES}")
    if image.shape != first.image.shape or image.dtype != first.image.dtype:
        raise ValueError(
            f"{pair.name}: {image.dtype} {image.shape}, but {first.name} is {first.image.dtype} "
            f"{first.image.shape}"
        )
    if mask.max() > classes:
        raise ValueError(f"{pair.name}: the mask has class {mask.max()}, the data set {classes}")
