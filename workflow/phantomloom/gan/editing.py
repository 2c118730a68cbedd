"""Edits of a class map [H, W]: one class moved, scaled or removed, the others in their places.

What the class leaves becomes the class nearest to it: background never grows in, but what lies
inside or beside it does, such as a vessel where the liver was.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import ndimage

BACKGROUND = 0


def removed(classes: np.ndarray, number: int) -> np.ndarray:
    """Return ``classes`` without class ``number``.

    Raises:
        ValueError: if it is not there.
    """
    return _without(classes, _shape(classes, number))


def moved(classes: np.ndarray, number: int, dy: int, dx: int) -> np.ndarray:
    """Return ``classes`` with class ``number`` moved down by ``dy`` and right by ``dx`` pixels.

    It lies over what it meets, also outside the body.

    Raises:
        ValueError: if it is not there, or would leave the picture.
    """
    shape = _shape(classes, number)
    inside = [
        low + by >= 0 and high + by < size
        for by, size, (low, high) in zip((dy, dx), classes.shape, _ends(shape), strict=True)
    ]
    if not all(inside):
        raise ValueError(f"class {number} would leave the picture when moved by {dy}, {dx} pixels")
    result = _without(classes, shape)
    result[np.roll(shape, (dy, dx), (0, 1))] = number
    return result


def scaled(classes: np.ndarray, number: int, factor: float) -> np.ndarray:
    """Return ``classes`` with class ``number`` so many times as high and wide, about its centroid.

    It lies over what it meets, also outside the body, and is cut off at the picture's border.

    Raises:
        ValueError: if it is not there, the factor is not positive, or nothing of it would be left.
    """
    shape = _shape(classes, number)
    if not factor > 0:
        raise ValueError(f"factor: more than 0, not {factor}; to remove a class use removed")
    centre = np.array(ndimage.center_of_mass(shape))
    offset = centre - centre / factor
    larger = ndimage.affine_transform(shape.astype(np.uint8), [1 / factor] * 2, offset, order=0)
    if not larger.any():
        raise ValueError(f"class {number}: no pixel is left at {factor} times its size")
    result = _without(classes, shape)
    result[larger > 0] = number
    return result


EDITS: dict[str, tuple[Callable[..., np.ndarray], type]] = {
    "remove": (removed, float),
    "move": (moved, int),
    "scale": (scaled, float),
}


def edited(
    masks: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    asked: Mapping[str, Sequence[str] | None],
) -> dict[str, np.ndarray]:
    """Return ``masks`` by name after the EDITS that are ``asked`` for, in the order of that table.

    A mask without the class stays as it is. asked: by name of an edit the name of a class and the
    numbers that it takes, or None.

    Raises:
        ValueError: if a class is none of ``class_names`` or in no mask; naming the mask, if an
            edit of it cannot be made.
    """
    result = dict(masks)
    for word, (edit, kind) in EDITS.items():
        if told := asked[word]:
            name, *numbers = told
            if name not in class_names:
                raise ValueError(f"--{word}: {name!r} is none of {', '.join(class_names)}")
            number = class_names.index(name) + 1
            having = [file for file, mask in result.items() if (mask == number).any()]
            if not having:
                raise ValueError(f"--{word}: no mask shows {name!r}")
            for file in having:
                try:
                    result[file] = edit(result[file], number, *map(kind, numbers))
                except ValueError as fault:
                    raise ValueError(f"{file}: --{word}: {fault}") from fault
    return result


def _shape(classes: np.ndarray, number: int) -> np.ndarray:
    shape = classes == number
    if number == BACKGROUND or not shape.any():
        there = sorted(set(np.unique(classes).tolist()) - {BACKGROUND})
        raise ValueError(f"class {number} is not in this mask, which has {there}")
    return shape


def _ends(shape: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and the last row and column of ``shape``."""
    where = np.nonzero(shape)
    return [(int(axis.min()), int(axis.max())) for axis in where]


def _without(classes: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return ``classes`` with ``shape`` filled; with background where there is no other class."""
    others = (classes != BACKGROUND) & ~shape
    result = classes.copy()
    if others.any():
        nearest = ndimage.distance_transform_edt(~others, return_indices=True)[1]
        result[shape] = classes[tuple(nearest)][shape]
    else:
        result[shape] = BACKGROUND
    return result
