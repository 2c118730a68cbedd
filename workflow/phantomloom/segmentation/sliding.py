"""A network run in overlapping windows from the feet up, each plane handed out when it is done.

The windows, their weights and the padding are those of MONAI's ``sliding_window_inference``; but
that keeps the scores of all classes for the whole scan, 15 GB for 74 classes on a large one at
1.5 mm, while here only the planes under the current windows exist.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from monai.data.utils import compute_importance_map, dense_patch_slices
from monai.utils.enums import BlendMode
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

Shape = tuple[int, ...]  # z, y, x


class Windows(NamedTuple):
    """How a network is moved over an image, [Z, Y, X]."""

    patch: Shape
    overlap: float = 0.5  # of neighbouring windows, as a fraction of the patch
    blend: str = "gaussian"  # or constant: the weight of a voxel by its place in the window
    sigma: float = 0.125  # of the gaussian, as a fraction of the patch
    padding: str = "constant"  # of an image smaller than the patch; as torch names it
    padding_value: float = 0.0  # of constant padding


def planes(
    image: Tensor, network: Callable[[Tensor], Tensor], windows: Windows, device: str
) -> Iterator[Tensor]:
    """Yield the scores [classes, Y, X] float32 on the CPU of each plane of ``image``, lowest first.

    ``image`` is [1, C, Z, Y, X]; ``network`` turns a window of it into [1, classes, Z, Y, X].
    """
    z, y, x = image.shape[2:]
    padded, before = _padded(image, windows)
    weight = _weight(windows)
    groups = _groups(tuple(padded.shape[2:]), windows)
    sums: deque[Tensor] = deque()  # [classes + 1, Y, X]: weighted scores, and the weights
    with tqdm(total=sum(map(len, groups.values())), unit="window") as progress:
        for lowest, following in pairwise([*groups, padded.shape[2]]):
            for box in groups[lowest]:
                scores = _scores(padded[:, :, *box], network, device)
                while len(sums) < windows.patch[0]:
                    sums.append(torch.zeros(len(scores) + 1, *padded.shape[3:]))
                for k, plane in enumerate(sums):  # in place: fresh memory takes longer than sums
                    here = plane[:, *box[1:]]
                    here[:-1].addcmul_(scores[:, k], weight[k])
                    here[-1] += weight[k]
                progress.update()
            for k in range(lowest, following):
                plane = sums.popleft()[:, before[1] : before[1] + y, before[2] : before[2] + x]
                if before[0] <= k < before[0] + z:
                    yield plane[:-1] / plane[-1:]


def _padded(image: Tensor, windows: Windows) -> tuple[Tensor, Shape]:
    """Return ``image`` at least as large as a window, and how much was added before each axis."""
    lack = [max(0, p - n) for p, n in zip(windows.patch, image.shape[2:], strict=True)]
    if not any(lack):
        return image, (0, 0, 0)
    sides = [side for n in reversed(lack) for side in (n // 2, n - n // 2)]
    value = windows.padding_value if windows.padding == "constant" else None
    return pad(image, sides, windows.padding, value), tuple(n // 2 for n in lack)


def _weight(windows: Windows) -> Tensor:
    """Return the weight of each voxel of a window, [Z, Y, X]."""
    return compute_importance_map(
        windows.patch, BlendMode(windows.blend), windows.sigma, "cpu", torch.float32
    )


def _groups(shape: Shape, windows: Windows) -> dict[int, list[tuple[slice, ...]]]:
    """Return the boxes of all windows by their lowest plane, in ascending order."""
    steps = [max(1, int(p * (1 - windows.overlap))) for p in windows.patch]
    groups: dict[int, list[tuple[slice, ...]]] = {}
    for box in dense_patch_slices(shape, windows.patch, steps):
        groups.setdefault(box[0].start, []).append(box)
    return groups


def _scores(window: Tensor, network: Callable, device: str) -> Tensor:
    """Return the scores [classes, Z, Y, X] of one window on the CPU; half precision on a GPU."""
    cuda = device.startswith("cuda")
    with torch.inference_mode(), torch.autocast("cuda", enabled=cuda):
        return network(window.to(device))[0].float().cpu()
