"""How well two segmentations agree."""

import numpy as np


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return 2 |a and b| / (|a| + |b|) of two masks; 1 if both are empty (Dice 1945)."""
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / total if total else 1.0
