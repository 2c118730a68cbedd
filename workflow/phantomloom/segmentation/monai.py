"""The engine for MONAI bundles: sliding windows on the network's grid, labels on the CT's."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from phantomloom.segmentation import Segmentation, bundle
from phantomloom.segmentation.confidence import confidence, probabilities
from phantomloom.segmentation.sliding import planes
from phantomloom.volume import Volume

said = logging.getLogger("phantomloom.segment")


def segment(ct: Volume, weights: Path, device: str) -> Segmentation:
    """Return what the bundle in folder ``weights`` finds in ``ct`` (HU).

    Class probabilities, not labels, are interpolated from the network's grid to the CT's, and the
    entropy of the classes likewise.

    Raises:
        FileNotFoundError: if the bundle is not complete.
        ValueError: if it names classes that no structure goes by, or cannot be applied to a CT.
    """
    model = bundle.read(weights)
    image, axes, to_ct = model.prepare(ct)
    windows = model.windows._replace(patch=tuple(model.windows.patch[i] for i in np.argsort(axes)))
    said.info("%s voxels in windows of %s on %s", tuple(image.shape[2:]), windows.patch, device)
    network = _turned(model.network.to(device), axes)
    scores = _of_classes(planes(image, network, windows, device), len(model.ids), weights)
    winners, certainty, entropy_bits = _on_grid(scores, to_ct)
    labels = np.array(model.ids, np.uint8)[winners]
    sure = confidence(labels, certainty, entropy_bits)
    return Segmentation(ct.with_array(labels), sure, model.training_scans)


def _turned(network: nn.Module, axes: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Return ``network`` for windows [1, C, Z, Y, X], whatever order of ``axes`` it works in."""
    there = [0, 1, *(2 + axis for axis in axes)]
    back = np.argsort(there).tolist()
    return lambda window: network(window.permute(there)).permute(back)


def _of_classes(scores: Iterator[Tensor], classes: int, weights: Path) -> Iterator[Tensor]:
    """Yield ``scores``, once they turn out to be those of so many classes."""
    for plane in scores:
        if len(plane) != classes:
            raise ValueError(
                f"{weights}: the network has {len(plane)} output channels, {bundle.METADATA} "
                f"names {classes}"
            )
        yield plane


def _on_grid(
    scores: Iterator[Tensor], to_ct: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class, its probability and the entropy in bits of each voxel of the CT, [Z, Y, X].

    ``scores`` are planes [classes, Y, X] of the network's grid; only those that the plane at hand
    needs are kept. ``to_ct`` are the weights [target, source] along z, y and x.
    """
    z, y, x = map(torch.from_numpy, to_ct)
    shape = (len(z), len(y), len(x))
    winners = np.empty(shape, np.uint8)
    certainty, entropy_bits = np.empty(shape, np.float16), np.empty(shape, np.float16)
    upwards = bool(z[0].argmax() <= z[-1].argmax())  # a network's own z may point down
    kept: deque[Tensor] = deque()
    first = 0  # plane of the network's grid that kept[0] is
    for k in range(len(z)) if upwards else reversed(range(len(z))):
        near = z[k].nonzero()[:, 0].tolist()
        while first + len(kept) <= near[-1]:
            classes, bits = probabilities(next(scores))
            kept.append(torch.cat([classes, bits[None]]))
        while first < near[0]:
            kept.popleft()
            first += 1
        plane = sum(z[k, i] * kept[i - first] for i in near)  # [classes + 1, Y, X]
        wide = y @ plane @ x.T
        best = wide[:-1].max(0)
        winners[k], certainty[k] = best.indices.numpy(), best.values.numpy()
        entropy_bits[k] = wide[-1].numpy()
    return winners, certainty, entropy_bits
