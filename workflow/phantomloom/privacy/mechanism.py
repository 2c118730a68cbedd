"""The Gaussian mechanism on gradients: each unit's clipped, the sum noised (Abadi et al. 2016).

Floating point. Sums are float64, and the clip norm is kept with a margin above float32's
rounding, so that no unit counts for more than ``clip``. Noise from the operating system is
float64 from 53 random bits, and what it is added to is rounded to a grid: known attacks read the
last bits of a noisy number (Mironov 2012; Jin et al. 2022), and those are not let out. That is a
defence in depth, no proof: the proof is of real numbers, and time taken is not hidden.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from phantomloom.privacy.randomness import NOISE, normals
from phantomloom.privacy.sampling import VirtualBatch

STABILITY = 0.01  # of automatic clipping, in Bu et al. 2023
MARGIN = 1 - 1e-5  # float32's rounding of a clipped gradient and of a product of 10^4 rows
BLOCK = 1024  # parameters whose squares are summed in float32
GRID_BITS = 20  # the grid of a released sum is noise / 2^20: coarser than float32 at that size


def unit_gradients(
    gradients: Callable[[np.ndarray], Tensor], batches: Iterable[VirtualBatch]
) -> Iterator[Tensor]:
    """Yield the gradients of whole units, [U, P]: sums over each one's rows.

    ``gradients`` returns one gradient a row, [R, P]. A unit may spread over several batches.
    """
    carried: Tensor | None = None
    for rows, unit, goes_on in batches:
        sums = _sum_by_unit(gradients(rows), unit)
        if carried is not None:
            sums[0] += carried
        carried = sums[-1] if goes_on else None
        yield sums[:-1] if goes_on else sums


def clip_factors(norms: Tensor, clip: float, clipping: str) -> Tensor:
    """Return by what each unit's gradient is multiplied so that its norm is at most ``clip``, [U].

    flat: min(1, clip / norm). automatic: clip / (norm + 0.01), which needs no tuning of ``clip``
    (Bu et al. 2023, arXiv 2206.07136) but gives small errors the weight of large ones: a head that
    starts from good answers leaves them. A gradient that is not finite counts nothing.
    """
    if clipping == "flat":
        factors = (clip / norms).clamp(max=1)
    elif clipping == "automatic":
        factors = clip / (norms + STABILITY)
    else:
        raise ValueError(f"privacy: clipping is flat or automatic, not {clipping!r}")
    return torch.where(norms.isfinite(), MARGIN * factors, 0)


def clipped_sum(gradients: Tensor, clip: float, clipping: str) -> tuple[Tensor, Tensor]:
    """Return the float64 sum [P] of the clipped ``gradients`` [U, P], and which shrank, [U]."""
    norms = _norms(gradients)
    if not bool(norms.isfinite().all()):
        gradients = torch.where(norms.isfinite()[:, None], gradients, 0)
    factors = clip_factors(norms, clip, clipping)
    return (factors.to(gradients.dtype) @ gradients).double(), factors < MARGIN


def _norms(gradients: Tensor) -> Tensor:
    """Return the norms of ``gradients`` [U, P] in float64, [U].

    In float32 within a block, where rounding stays under 4e-6 in the worst case, which MARGIN
    covers: float64 throughout took eighteen times as long.
    """
    blocks = [torch.linalg.vector_norm(part, dim=1) for part in gradients.split(BLOCK, dim=1)]
    return torch.linalg.vector_norm(torch.stack(blocks), dim=0, dtype=torch.float64)


def noisy(total: Tensor, deviation: float, seed: int | None, step: int) -> Tensor:
    """Return ``total`` [P] with Gaussian noise of standard deviation ``deviation`` on each part.

    Without a seed it is rounded to a grid of about ``deviation`` / 2^20.
    """
    if deviation == 0:
        return total
    noise = torch.from_numpy(normals(total.numel(), seed, NOISE, step)).to(total.device)
    released = total + deviation * noise
    if seed is not None:
        return released
    grid = 2.0 ** (np.floor(np.log2(deviation)) - GRID_BITS)
    return torch.round(released / grid) * grid


def _sum_by_unit(gradients: Tensor, unit: np.ndarray) -> Tensor:
    units = int(unit[-1]) + 1
    if units == len(unit):
        return gradients
    owner = torch.from_numpy(unit).to(gradients.device)
    return gradients.new_zeros(units, gradients.shape[1]).index_add_(0, owner, gradients)
