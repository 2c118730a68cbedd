"""Images as the metrics take them: a tensor, or what reads them from a file part by part."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor


class Images(Protocol):
    """Images [N, C, H, W] in -1 to 1, of which a slice is a tensor."""

    def __len__(self) -> int:
        """Return N."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Return the images of ``rows``."""


def batches(images: Images, at_once: int) -> Iterator[Tensor]:
    """Yield all ``images``, at most so many in a tensor."""
    for first in range(0, len(images), at_once):
        yield images[first : first + at_once]
