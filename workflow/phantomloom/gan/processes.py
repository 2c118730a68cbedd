"""Several processes, launched by torchrun, that train one network on parts of each batch."""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _several() else 0


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _several() else 1


def mean(values: Tensor) -> Tensor:
    """Return the mean of ``values`` over the processes, the same in all of them."""
    if not _several():
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / count()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Set each gradient to its mean over the processes; all must hold gradients of the same."""
    if not _several():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    means = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, part in zip(gradients, means.split(sizes), strict=True):
        gradient.copy_(part.view_as(gradient))


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
