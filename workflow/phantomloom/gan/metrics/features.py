"""Distances between two sets of features that a network gave: FID, KID, precision and recall.

Slices of one patient lie close together, so real images of other patients do not reach 0, or 1
either: read all four beside those of two ``halves.halves`` of the real images.
"""

import numpy as np
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

from phantomloom.gan.metrics.estimate import Estimate, missing, of_sample

NAMES = ("FID", "KID", "precision", "recall")
SUBSETS = 10  # of KID
FEWEST = 2 * SUBSETS  # images that all four can be told of


def scores(real: np.ndarray, generated: np.ndarray, seed: int = 0) -> dict[str, Estimate]:
    """Return all NAMES of features [N, D] and [M, D]; only KID has a standard error.

    With less than FEWEST images in either set none has a value.
    """
    if (fewest := min(len(real), len(generated))) < FEWEST:
        return dict.fromkeys(NAMES, missing(f"{FEWEST} images are needed; there are {fewest}"))
    precision, recall = precision_recall(real, generated)
    found = Estimate(precision, None), Estimate(recall, None)
    values = (Estimate(fid(real, generated), None), kid(real, generated, seed=seed), *found)
    return dict(zip(NAMES, values, strict=True))


def unavailable(reason: str) -> dict[str, Estimate]:
    """Return all NAMES without a value: "weights not available" and the reason."""
    return {name: missing(f"weights not available: {reason}") for name in NAMES}


def fid(first: np.ndarray, second: np.ndarray) -> float:
    """Return the squared Frechet distance of the Gaussians that fit both sets (Heusel 2017, eq. 6).

    Features [N, D] and [M, D]. Too large for few images, the more so the larger D is.
    """
    _check(first, second)
    means = [each.mean(0, dtype=np.float64) for each in (first, second)]
    one, other = (np.atleast_2d(np.cov(each.T, dtype=np.float64)) for each in (first, second))
    # The trace of (one other)^(1/2) by symmetric matrices, which have no imaginary parts.
    spread, axes = np.linalg.eigh(one)
    root = axes * np.sqrt(spread.clip(0)) @ axes.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    shift = means[0] - means[1]
    return float(shift @ shift + np.trace(one) + np.trace(other) - 2 * cross)


def kid(first: np.ndarray, second: np.ndarray, subsets: int = SUBSETS, seed: int = 0) -> Estimate:
    """Return the unbiased squared MMD under the kernel (x y / D + 1)^3 (Binkowski 2018, section 4).

    Mean and standard error of ``subsets`` that share no image: subsets that overlap, as other
    programs draw them, give an error that is too small. It takes slices for independent.

    Raises:
        ValueError: if there are too few images for two in each subset.
    """
    _check(first, second)
    size = min(len(first), len(second)) // subsets
    if size < 2:
        raise ValueError(
            f"{subsets} subsets of two images and more need {2 * subsets} images; there are "
            f"{len(first)} and {len(second)}"
        )
    generator = np.random.default_rng(seed)
    rows = [generator.permutation(len(each))[: subsets * size] for each in (first, second)]
    parts = zip(
        np.split(first[rows[0]].astype(np.float64), subsets),
        np.split(second[rows[1]].astype(np.float64), subsets),
        strict=True,
    )
    return of_sample(np.array([_squared_mmd(one, other) for one, other in parts]))


def precision_recall(real: np.ndarray, generated: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Return the share of generated features among the real ones and the reverse.

    A feature is among others if it lies no further from one of them than that one's ``k``-th
    nearest neighbour (Kynkaanniemi 2019, arXiv 1904.06991, eq. 1 and 2).
    """
    _check(real, generated)
    if min(len(real), len(generated)) <= k:
        raise ValueError(f"{k} neighbours need more images than {len(real)} and {len(generated)}")
    return _share_within(generated, real, k), _share_within(real, generated, k)


def _squared_mmd(first: np.ndarray, second: np.ndarray) -> float:
    count = len(first)
    within = 0.0
    for each in (first, second):
        kernel = _kernel(each, each)
        within += (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
    return float(within - 2 * _kernel(first, second).mean())


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _share_within(queries: np.ndarray, cloud: np.ndarray, k: int) -> float:
    """Return the share of ``queries`` in a ball around a point of ``cloud``, up to neighbour k."""
    radii = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(cloud).kneighbors()[0][:, -1]
    chunks = pairwise_distances_chunked(
        queries, cloud, reduce_func=lambda chunk, _: (chunk <= radii).any(1)
    )
    return float(np.concatenate(list(chunks)).mean())


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"features are [N, D] and [M, D] of one network; these are {first.shape} and "
            f"{second.shape}"
        )
    if min(len(first), len(second)) < 2:
        raise ValueError(f"two images at least; there are {len(first)} and {len(second)}")
