"""Whether samples are nearer to the training images than they should be.

For both pools to be equally near to an honest sample, the samples' masks must be of patients in
neither: an image of the very patient is always near.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional

from phantomloom.gan.metrics.images import Images, batches

AT_ONCE = 256  # images averaged together
SIZE = 32  # pixels that images are averaged down to
RARE = 0.01  # share of held-out images that are as near to a training image as a copy


class Memorisation(NamedTuple):
    """How near samples are to training images.

    ratio: median distance to the nearest of some training images over that to the nearest of as
    many held-out ones. If those are of one population it is about 1 where nothing is memorised;
    else what real images have in the place of samples tells what is usual. Well below that much is
    memorised. Where the pool holds few of the training images, so it does few of those that are
    copied; hence also
    copies: share of samples nearer to any training image than 1 % of the held-out images are.
    """

    ratio: float
    copies: float
    pool: int  # images in either pool


def memorisation(
    samples: Sequence[Images],
    train: Images,
    held_out: Images,
    train_groups: Sequence[str],
    held_out_groups: Sequence[str],
    seed: int = 0,
) -> list[Memorisation]:
    """Return what is found of each set of ``samples``, by images averaged down to 32 x 32 pixels.

    All are images [N, C, H, W]; distances are Euclidean. The pools have as many groups (patients)
    and as many images of each set, drawn by ``seed``.
    """
    learnt, unseen = map(_small, (train, held_out))
    rows, other_rows = equal_pools(train_groups, held_out_groups, seed)
    usual = np.quantile(_distances(unseen, learnt), RARE)
    found = []
    for seen in map(_small, samples):
        near = [np.median(_distances(seen, pool)) for pool in (learnt[rows], unseen[other_rows])]
        copies = float((_distances(seen, learnt) < usual).mean())
        found.append(Memorisation(float(near[0] / near[1]), copies, len(rows)))
    return found


def equal_pools(
    first: Sequence[str], second: Sequence[str], seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of both sets: as many, of as many groups; ``first`` and ``second`` name these."""
    generator = np.random.default_rng(seed)
    names = [np.unique(list(groups)) for groups in (first, second)]
    count = min(map(len, names))
    rows = []
    for groups, named in zip((first, second), names, strict=True):
        chosen = generator.permutation(named)[:count]
        rows.append(generator.permutation(np.flatnonzero(np.isin(list(groups), chosen))))
    size = min(map(len, rows))
    return np.sort(rows[0][:size]), np.sort(rows[1][:size])


def _small(images: Images) -> np.ndarray:
    """Return ``images`` averaged down to SIZE, [N, C * SIZE * SIZE]; smaller ones stay."""
    return torch.cat(
        [
            functional.adaptive_avg_pool2d(batch.float(), min(SIZE, batch.shape[-1])).flatten(1)
            for batch in batches(images, AT_ONCE)
        ]
    ).numpy()


def _distances(queries: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return the distance of each query to its nearest in ``pool``."""
    return NearestNeighbors(n_neighbors=1, algorithm="brute").fit(pool).kneighbors(queries)[0][:, 0]
