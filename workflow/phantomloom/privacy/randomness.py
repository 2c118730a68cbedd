"""Random numbers: from a seed, for research that repeats; from the operating system, for release.

A seed takes the noise away from whoever knows it, so a seeded run is not private. Without a seed
every number comes straight from the operating system's entropy: nothing is kept from which the
numbers could be made again, not even in memory.
"""

import os

import numpy as np
from scipy.special import ndtri

SAMPLING, NOISE, CANARIES = range(3)  # what a number is for: each use has a stream of its own


def uniforms(count: int, seed: int | None, *use: int) -> np.ndarray:
    """Return ``count`` float64 in (0, 1); a seed gives the same numbers for the same ``use``."""
    if seed is not None:
        return np.random.default_rng([seed, *use]).random(count)
    bits = np.frombuffer(os.urandom(8 * count), np.uint64) >> np.uint64(11)
    return (bits + 0.5) * 2.0**-53


def normals(count: int, seed: int | None, *use: int) -> np.ndarray:
    """Return ``count`` standard normal float64.

    Without a seed each is half the sum of four, which hides the gaps that floating point leaves
    between the values of one (Holohan and Braghin 2021, arXiv 2107.10138).
    """
    if seed is not None:
        return np.random.default_rng([seed, *use]).standard_normal(count)
    return ndtri(uniforms(4 * count, None)).reshape(4, count).sum(0) / 2
