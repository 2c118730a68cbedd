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
    return _found(ct, model, [model.ids], device, weights)[0]


def segment_together(ct: Volume, bundles: dict[str, Path], device: str) -> dict[str, Segmentation]:
    """Return likewise what several bundles of one training of ours find, by name.

    Their common trunk is run once.

    Raises:
        FileNotFoundError: if a bundle is not complete.
        ValueError: if they have no common trunk.
    """
    models = [bundle.read(folder) for folder in bundles.values()]
    ids = [model.ids for model in models]
    one = bundle.joined(models)
    found = _found(ct, one, ids, device, next(iter(bundles.values())))
    return dict(zip(bundles, found, strict=True))


def _found(
    ct: Volume, model: bundle.Model, ids: Sequence[tuple[int, ...]], device: str, weights: Path
) -> list[Segmentation]:
    """Return what each of the heads finds whose classes are ``ids``."""
    image, axes, to_ct = model.prepare(ct)
    windows = model.windows._replace(patch=tuple(model.windows.patch[i] for i in np.argsort(axes)))
    said.info("%s voxels in windows of %s on %s", tuple(image.shape[2:]), windows.patch, device)
    network, sizes = _turned(model.network.to(device), axes), [len(each) for each in ids]
    scores = _of_classes(planes(image, network, windows, device), sum(sizes), weights)
    result = []
    for of_head, winners, *sure in zip(ids, *_on_grid(scores, sizes, to_ct), strict=True):
        labels = np.array(of_head, np.uint8)[winners]
        found = ct.with_array(labels)
        result.append(Segmentation(found, confidence(labels, *sure), model.training_scans))
    return result


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
    scores: Iterator[Tensor], sizes: Sequence[int], to_ct: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class, its probability and the entropy in bits of each voxel, [heads, Z, Y, X].

    ``scores`` are planes [classes, Y, X] of the network's grid, ``sizes`` how many of the classes
    belong to each head; only those planes are kept that the one at hand needs. ``to_ct`` are the
    weights [target, source] along z, y and x.
    """
    z, y, x = map(torch.from_numpy, to_ct)
    shape = (len(sizes), len(z), len(y), len(x))
    winners = np.empty(shape, np.uint8)
    certainty, entropy_bits = np.empty(shape, np.float16), np.empty(shape, np.float16)
    upwards = bool(z[0].argmax() <= z[-1].argmax())  # a network's own z may point down
    kept: deque[list[Tensor]] = deque()
    first = 0  # plane of the network's grid that kept[0] is
    for k in range(len(z)) if upwards else reversed(range(len(z))):
        near = z[k].nonzero()[:, 0].tolist()
        while first + len(kept) <= near[-1]:
            heads = map(probabilities, next(scores).split(sizes))
            kept.append([torch.cat([classes, bits[None]]) for classes, bits in heads])
        while first < near[0]:
            kept.popleft()
            first += 1
        for head in range(len(sizes)):
            plane = sum(z[k, i] * kept[i - first][head] for i in near)  # [classes + 1, Y, X]
            wide = y @ plane @ x.T
            best = wide[:-1].max(0)
            winners[head, k], certainty[head, k] = best.indices.numpy(), best.values.numpy()
            entropy_bits[head, k] = wide[-1].numpy()
    return winners, certainty, entropy_bits
