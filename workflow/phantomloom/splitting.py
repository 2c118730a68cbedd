"""Training, validation and test: parts of a data set, drawn so that nobody is in two of them."""

from collections.abc import Sequence

import numpy as np

PARTS = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)


def drawn_parts(
    groups: Sequence | np.ndarray, shares: Sequence[float], seed: int, name: str
) -> np.ndarray:
    """Return the part of each item as text [N]; parts have about their ``shares`` of the items.

    Groups come in a random order and go to the part that lacks most of its share.

    Args:
        groups: of each item, numbers or names: a patient, a picture.
        shares: of PARTS, in their order.
        seed: draws the order.
        name: of the data set, for errors.

    Raises:
        ValueError: if the shares are not three that add up to 1, or if a part with a share stays
            empty.
    """
    if len(shares) != len(PARTS) or min(shares) < 0 or not np.isclose(sum(shares), 1):
        raise ValueError(f"{name}: shares are three numbers that add up to 1, not {list(shares)}")
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    lacking = np.array(shares) * len(group_of)
    part_of = np.empty(len(sizes), int)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        part_of[group] = lacking.argmax()
        lacking[part_of[group]] -= sizes[group]
    for number, (part, share) in enumerate(zip(PARTS, shares, strict=True)):
        if share and number not in part_of:
            raise ValueError(f"{name}: too few patients ({len(sizes)}) for a {part} part")
    return np.array(PARTS)[part_of[group_of]]
