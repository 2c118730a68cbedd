"""Two halves of one set of images that share no patient: how far real images are from real ones."""

from collections.abc import Sequence

import numpy as np


def halves(groups: Sequence[str], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return two equal numbers of rows; no group (patient) has rows in both.

    Raises:
        ValueError: if there are fewer than two groups.
    """
    generator = np.random.default_rng(seed)
    names, of_row, sizes = np.unique(list(groups), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"two halves need two patients or pictures; there is {len(names)}")
    order = generator.permutation(len(names))
    sides: tuple[list[int], list[int]] = ([], [])
    for group in order[np.argsort(-sizes[order], kind="stable")]:  # large ones first: even halves
        min(sides, key=lambda side: sizes[side].sum()).append(int(group))
    rows = [generator.permutation(np.flatnonzero(np.isin(of_row, side))) for side in sides]
    count = min(map(len, rows))
    return np.sort(rows[0][:count]), np.sort(rows[1][:count])
