"""A Gaussian mixture with missing values; Ghahramani & Jordan, NIPS 1994, equations 9 to 12."""

from typing import NamedTuple

import numpy as np

RIDGE = 0.02  # added to each variance, in units of the population's; keeps small groups regular


class Mixture(NamedTuple):
    """K Gaussians over D values."""

    weights: np.ndarray  # [K]
    means: np.ndarray  # [K, D]
    covariances: np.ndarray  # [K, D, D]


def fit(values: np.ndarray, clusters: int, steps: int = 25) -> Mixture:
    """Return the mixture after ``steps`` of EM; ``values`` [N, D], NaN where not observed.

    It starts from equal parts along the first principal axis, so equal data give equal results.
    """
    filled = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    axis = np.linalg.svd(filled - filled.mean(axis=0), full_matrices=False)[2][0]
    rank = (filled @ axis).argsort(kind="stable").argsort(kind="stable")
    shares = np.eye(clusters)[rank * clusters // len(values)]  # [N, K]
    expected = np.repeat(filled[None], clusters, axis=0)  # [K, N, D]
    spare = np.zeros((clusters, *(values.shape[1],) * 2))  # [K, D, D], covariance of the unseen
    patterns = _patterns(np.isnan(values))
    for _ in range(steps):
        mixture = _maximise(expected, spare, shares)
        expected, spare, shares = _expect(values, patterns, mixture)
    return mixture


def squared_distances(values: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Return the squared Mahalanobis distance of what is seen of ``values`` [D] to each cluster."""
    seen = ~np.isnan(values)
    offsets = (values - mixture.means)[:, seen]
    blocks = mixture.covariances[:, seen][:, :, seen]
    return np.einsum("ki,ki->k", offsets, np.linalg.solve(blocks, offsets[..., None])[..., 0])


def residuals(values: np.ndarray, mixture: Mixture, cluster: int) -> np.ndarray:
    """Return how far each value lies from what the others predict, in standard deviations."""
    seen = ~np.isnan(values)
    precision = np.linalg.inv(mixture.covariances[cluster][np.ix_(seen, seen)])
    result = np.full(values.shape, np.nan)
    offsets = (values - mixture.means[cluster])[seen]
    result[seen] = precision @ offsets / np.sqrt(np.diag(precision))
    return result


def _maximise(expected: np.ndarray, spare: np.ndarray, shares: np.ndarray) -> Mixture:
    totals = shares.sum(axis=0) + 1e-9
    means = np.einsum("nk,knd->kd", shares, expected) / totals[:, None]
    offsets = expected - means[:, None]
    covariances = np.einsum("nk,kni,knj->kij", shares, offsets, offsets, optimize=True) + spare
    covariances = covariances / totals[:, None, None] + RIDGE * np.eye(means.shape[1])
    return Mixture(totals / totals.sum(), means, covariances)


def _patterns(missing: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each pattern of ``missing`` values with the rows that have it."""
    patterns, which = np.unique(missing, axis=0, return_inverse=True)
    return [(row, np.flatnonzero(which.ravel() == n)) for n, row in enumerate(patterns)]


def _expect(
    values: np.ndarray, patterns: list[tuple[np.ndarray, np.ndarray]], mixture: Mixture
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return expected values [K, N, D], summed covariance of the unseen, shares [N, K]."""
    clusters, size = mixture.means.shape
    expected = np.repeat(values[None], clusters, axis=0)
    logs = np.empty((len(values), clusters))
    unseen = np.zeros((clusters, len(values), size, size)) if np.isnan(values).any() else None
    for missing, rows in patterns:
        seen = ~missing
        for k, (weight, mean, covariance) in enumerate(zip(*mixture, strict=True)):
            block = covariance[np.ix_(seen, seen)]
            offsets = values[np.ix_(rows, seen)] - mean[seen]
            scaled = np.linalg.solve(block, offsets.T).T
            logs[rows, k] = np.log(weight) - 0.5 * (
                (offsets * scaled).sum(axis=1) + np.linalg.slogdet(block)[1]
            )
            if unseen is not None and missing.any():
                across = covariance[np.ix_(missing, seen)]
                expected[k][np.ix_(rows, missing)] = mean[missing] + scaled @ across.T
                left = covariance[np.ix_(missing, missing)]
                left = left - across @ np.linalg.solve(block, across.T)
                unseen[k][np.ix_(rows, missing, missing)] = left
    logs -= logs.max(axis=1, keepdims=True)
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    spare = np.zeros((clusters, size, size))
    if unseen is not None:
        spare = np.einsum("nk,knij->kij", shares, unseen)
    return expected, spare, shares
