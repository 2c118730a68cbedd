"""Pairs of images and label masks: what a generator is trained and judged on, and its files."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.lib import format as npy
from torch import Tensor

from phantomloom.gan.pair import About, Pair, check, in_order, mark_of
from phantomloom.io import complete

AT_ONCE = 64  # rows that enter the digest together
FILES = ("about.json", "rows.parquet", "masks.npy", "images.npy")


class Pairs(NamedTuple):
    """A data set of image and mask pairs.

    Row 0 is the top (the front of an axial slice), column 0 the left (the patient's right).
    """

    images: np.ndarray  # [N, C, H, W] uint8 or int16, memory-mapped where read from files
    masks: np.ndarray  # [N, H, W] uint8
    low: float  # the value that -1 stands for: 0 of pictures, the end of the HU window of CT
    high: float  # the value that 1 stands for
    unit: str  # "grey" or "HU"
    class_names: tuple[str, ...]  # number i + 1 is class_names[i]; 0 is the background
    names: tuple[str, ...]  # of each pair, unique, such as "patient1/z57"
    groups: tuple[str, ...]  # patient or picture; never on both sides of a split
    parts: tuple[str, ...]  # one of PARTS, the same for a whole group
    pixel_mm: float | None

    @property
    def about(self) -> About:
        """What holds for all pairs."""
        return About(self.low, self.high, self.unit, self.class_names, self.pixel_mm)

    def of(self, part: str) -> "Pairs":
        """Return the pairs of ``part``; of a data set read from files still memory-mapped.

        Raises:
            ValueError: if there are none.
        """
        rows = [row for row, other in enumerate(self.parts) if other == part]
        if not rows:
            raise ValueError(f"no pairs of part {part!r}; there are {sorted(set(self.parts))}")
        together = rows[-1] - rows[0] + 1 == len(rows)
        chosen = slice(rows[0], rows[-1] + 1) if together else rows
        told = [tuple(of_row[row] for row in rows) for of_row in (self.names, self.groups)]
        return self._replace(
            images=self.images[chosen],
            masks=self.masks[chosen],
            names=told[0],
            groups=told[1],
            parts=(part,) * len(rows),
        )

    def digest(self) -> str:
        """Return a digest of all images and masks, read part by part."""
        digest = sha256()
        for array in (self.images, self.masks):
            for first in range(0, len(array), AT_ONCE):
                digest.update(np.ascontiguousarray(array[first : first + AT_ONCE]).data)
        return digest.hexdigest()

    def scaled(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """Return images of ``rows`` as float32 [R, C, H, W] in -1 to 1."""
        images = torch.from_numpy(self.images[np.asarray(rows)].astype(np.float32))
        return ((images - self.low) * (2 / (self.high - self.low)) - 1).clamp_(-1, 1)

    def images_of(self, rows: Sequence[int] | np.ndarray) -> "Scaled":
        """Return images of ``rows`` that are scaled when a slice of them is asked for."""
        return Scaled(self, np.asarray(rows))

    def one_hot(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """Return masks of ``rows`` as float32 [R, K, H, W], K classes without the background."""
        return one_hot(self.masks[np.asarray(rows)], len(self.class_names))


class Scaled:
    """Images of ``rows`` [N, C, H, W]: no more of them in memory than are looked at."""

    def __init__(self, pairs: Pairs, rows: np.ndarray) -> None:
        self._pairs, self._rows = pairs, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Tensor:
        return self._pairs.scaled(self._rows[rows])


def one_hot(masks: np.ndarray, classes: int) -> Tensor:
    """Return class numbers [R, H, W] as float32 [R, ``classes``, H, W]; 0 is no class."""
    numbers = np.arange(1, classes + 1, dtype=np.uint8)[:, None, None]
    return torch.from_numpy((masks[:, None] == numbers).astype(np.float32))


def unscaled(images: Tensor, low: float, high: float, dtype: type = np.int16) -> np.ndarray:
    """Return images in -1 to 1 as ``dtype`` between ``low`` and ``high``; beyond is cut off."""
    share = (images.detach().cpu().double().clamp(-1, 1) + 1) / 2
    return (low + share * (high - low)).round().numpy().astype(dtype)


def write(pairs: Pairs, folder: Path) -> None:
    """Write ``pairs`` to ``folder``; see ``write_each``."""
    each = map(Pair, pairs.images, pairs.masks, pairs.names, pairs.groups, pairs.parts)
    write_each(pairs.about, each, folder)


def write_each(about: About, pairs: Iterable[Pair], folder: Path) -> None:
    """Write pairs as they come, one in memory at a time; ``about.json`` comes last of the files.

    Raises:
        ValueError: naming the pair, if it does not fit the others, if a name comes twice or a
            group in two parts, or if the pairs do not come part by part.
    """
    about_file, rows_file, masks_file, images_file = (folder / name for name in FILES)
    with (
        complete(about_file) as about_partial,  # entered first, in place last
        complete(rows_file) as rows_partial,
        complete(masks_file) as masks_partial,
        complete(images_file) as images_partial,
    ):
        rows = _append(about, pairs, images_partial, masks_partial)
        pd.DataFrame(rows, columns=["name", "group", "part"]).to_parquet(rows_partial)
        about_partial.write_text(json.dumps(about._asdict(), indent=1, sort_keys=True) + "\n")
        about_file.unlink(missing_ok=True)  # of a former data set, which ends here


def read(folder: Path) -> Pairs:
    """Return the data set in ``folder``, its images and masks memory-mapped.

    Raises:
        FileNotFoundError: if the folder holds none, or one that was never finished.
    """
    if lacking := [name for name in FILES if not (folder / name).is_file()]:
        raise FileNotFoundError(f"{folder}: no finished data set; it lacks {', '.join(lacking)}")
    about = About(**json.loads((folder / "about.json").read_text()))
    rows = pd.read_parquet(folder / "rows.parquet")
    images, masks = (
        np.load(folder / name, mmap_mode="r", allow_pickle=False)
        for name in ("images.npy", "masks.npy")
    )
    names, groups, parts = (tuple(rows[column]) for column in ("name", "group", "part"))
    low, high, unit, class_names, pixel_mm = about
    classes = tuple(class_names)
    return Pairs(images, masks, low, high, unit, classes, names, groups, parts, pixel_mm)


def read_sides(train: Path, test: Path, key: str) -> tuple[Pairs, Pairs]:
    """Return the training part of one folder and the test part of another, or of the same.

    Raises:
        ValueError: naming the ``key`` of the configuration, if there is no such part, if classes,
            range, pixels or shape differ, or if an image or somebody is on both sides.
    """
    learnt, tried = _side(train, "train", key), _side(test, "test", key)
    for what, one, other in (
        *zip(About._fields, learnt.about, tried.about, strict=True),
        ("shape of an image", learnt.images.shape[1:], tried.images.shape[1:]),
    ):
        if one != other:
            raise ValueError(f"{key}: {test.name} has the {what} {other}; that learnt is {one}")
    if same := _same_images(learnt, tried):
        told = f"{len(same)} images of {test.name} were learnt from, such as {same[0]}"
        raise ValueError(f"{key}: {told}")
    both = sorted(set(learnt.groups) & set(tried.groups))
    if both and learnt.unit == "HU":  # patients keep their name; files of two folders may share one
        raise ValueError(f"{key}: {', '.join(both)} of {test.name} was learnt from in {train.name}")
    return learnt, tried


def _side(folder: Path, part: str, key: str) -> Pairs:
    """Return a part of the data set in ``folder``; if it has none, ``key`` is named."""
    try:
        return read(folder).of(part)
    except ValueError as fault:
        raise ValueError(f"{key}: {folder.name}: {fault}") from fault


def _same_images(learnt: Pairs, tried: Pairs) -> list[str]:
    """Return the names of the images that were learnt from under any name; plain ones are none."""
    known = {mark for image in learnt.images if (mark := mark_of(image))}
    names = zip(tried.names, tried.images, strict=True)
    return [name for name, image in names if mark_of(image) in known]


def _append(
    about: About, pairs: Iterable[Pair], images_path: Path, masks_path: Path
) -> list[tuple[str, str, str]]:
    """Write both arrays row by row; return name, group and part of each."""
    rows: dict[str, tuple[str, str]] = {}
    first: Pair | None = None
    with images_path.open("wb") as images, masks_path.open("wb") as masks:
        for pair in in_order(pairs, rows):
            if first is None:
                first = pair
                _write_headers(images, masks, first, 0)
            check(pair, first, len(about.class_names))
            images.write(np.ascontiguousarray(pair.image).tobytes())
            masks.write(np.ascontiguousarray(pair.mask).tobytes())
        if first is None:
            raise ValueError("there is not one pair to write")
        _write_headers(images, masks, first, len(rows))
    return [(name, *told) for name, told in rows.items()]


def _write_headers(images: BinaryIO, masks: BinaryIO, pair: Pair, count: int) -> None:
    """Write the headers of arrays of ``count`` such pairs; they are as long for any count."""
    for file, row in ((images, pair.image), (masks, pair.mask)):
        file.seek(0)
        shape = (count, *row.shape)
        header = {"descr": npy.dtype_to_descr(row.dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
