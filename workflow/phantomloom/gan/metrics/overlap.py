"""Dice of label images against masks, for each class of each patient."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd


class Segmented(NamedTuple):
    """Masks, what a segmenter found on the images, and whose they are."""

    found: np.ndarray  # [N, H, W] class numbers
    masks: np.ndarray  # [N, H, W] class numbers
    groups: Sequence[str]  # [N]


def dice(segmented: Segmented, classes: int) -> pd.DataFrame:
    """Return Dice with a row a group, sorted, and a column a class, 1 to ``classes``.

    Pixels of all images of a group are counted together, as slices with a few pixels of a class
    say little. NaN where the group's masks lack the class.
    """
    numbers = range(1, classes + 1)
    counts = pd.DataFrame(
        [
            np.concatenate(_counts(found, mask, classes))
            for found, mask in zip(segmented.found, segmented.masks, strict=True)
        ]
    )
    summed = counts.groupby(list(segmented.groups)).sum()
    both, found, there = np.split(summed.to_numpy(float), 3, axis=1)
    values = np.where(there > 0, 2 * both / np.maximum(found + there, 1), np.nan)
    return pd.DataFrame(values, index=summed.index, columns=list(numbers))


def _counts(found: np.ndarray, mask: np.ndarray, classes: int) -> list[np.ndarray]:
    """Return pixels of each class in both, in ``found`` and in ``mask``."""
    common = np.where(found == mask, mask, 0)
    each = (np.bincount(labels.ravel(), minlength=classes + 1) for labels in (common, found, mask))
    return [pixels[1 : classes + 1] for pixels in each]
