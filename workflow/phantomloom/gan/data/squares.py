"""Pictures and class maps as squares of one size, both by the area that a pixel covers."""

from pathlib import Path

import numpy as np
from PIL import Image

from phantomloom.resample import Grid, covering

MODES = ("1", "L", "P", "RGB", "RGBA")  # eight bits or fewer a channel


def picture(path: Path, size: int, grey: bool) -> np.ndarray:
    """Return the picture at ``path`` as uint8 [C, size, size]; one channel if ``grey``, else RGB.

    Raises:
        ValueError: if it is no square of at least ``size`` pixels, or has more than eight bits.
    """
    with Image.open(path) as image:
        if image.mode not in MODES:
            raise ValueError(f"{path}: pictures have 8 bits a channel; this one is {image.mode}")
        check_size(path, image.size, size)
        small = image.convert("L" if grey else "RGB").resize((size, size), Image.Resampling.BOX)
    return np.moveaxis(np.atleast_3d(np.asarray(small)), 2, 0)


def values(path: Path) -> np.ndarray:
    """Return the numbers uint8 [H, W] in the one channel of the mask at ``path``.

    A palette's are its places; black and white are 0 and 255. Red, green and blue that are alike
    everywhere count as one channel.

    Raises:
        ValueError: if the mask has colours or more than eight bits.
    """
    with Image.open(path) as image:
        mode = image.mode
        numbers = np.asarray(image.convert("L") if mode == "1" else image)
    if mode == "RGB" and (numbers == numbers[..., :1]).all():
        numbers = numbers[..., 0]
    if numbers.ndim != 2 or numbers.dtype != np.uint8:
        raise ValueError(f"{path}: a mask has one channel of 8 bits; this one is {mode}")
    return numbers


def shrunk(classes: np.ndarray, size: int) -> np.ndarray:
    """Return a class map [H, H] at ``size`` pixels: each takes the class that covers most of it.

    The background takes it only if it covers more than half.
    """
    edge = len(classes) / size
    first = (edge - 1) / 2
    grid = Grid((1, size, size), (1.0, edge, edge), (0.0, first, first))
    return covering(classes[None], np.eye(3), np.zeros(3), grid)[0]


def check_size(path: Path, found: tuple[int, int], size: int) -> None:
    """Raise ValueError if the picture at ``path`` cannot be brought down to ``size``."""
    if found[0] != found[1] or found[0] < size:
        raise ValueError(
            f"{path}: {found[0]} x {found[1]} pixels; pictures are squares of at least {size}, "
            "or set a smaller size"
        )
