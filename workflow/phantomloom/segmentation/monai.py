"""The engine for MONAI bundles: sliding windows on the network's grid, labels on the CT's."""

import logging
from pathlib import Path

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor, nn

from phantomloom.resample import Grid, matrices, resample
from phantomloom.segmentation import Segmentation, bundle
from phantomloom.segmentation import network as _named_by_bundles  # noqa: F401
from phantomloom.segmentation.windows import windows
from phantomloom.structures import label
from phantomloom.volume import Volume

said = logging.getLogger("phantomloom.segment")


def segment(ct: Volume, weights: Path, device: str) -> Segmentation:
    """Return what the bundle in folder ``weights`` finds in ``ct`` (HU).

    Class probabilities, not labels, are interpolated from the network's grid to the CT's.

    Raises:
        FileNotFoundError: if the bundle is not complete.
        KeyError: if the bundle names a structure that the table does not have.
    """
    network, about = bundle.read(weights)
    ids = np.array([0, *(label(name) for name in about.structures)], np.uint8)
    coarse = resample(ct, Grid.of(ct).at(about.spacing_mm))
    image = windows(torch.from_numpy(coarse.array)[None, None])
    probability = _probability(network.to(device), image, about.patch, device)
    winners, certainty = _on_grid(probability, Grid.of(coarse), Grid.of(ct))
    found = np.bincount(winners.ravel(), minlength=len(ids))
    sums = np.bincount(winners.ravel(), certainty.ravel(), minlength=len(ids))
    confidence = {
        name: round(float(sums[i] / found[i]), 4)
        for i, name in enumerate(about.structures, 1)
        if found[i]
    }
    return Segmentation(ct.with_array(ids[winners]), confidence)


def training_scans(weights: Path) -> tuple[str, ...]:
    """Return the identities of the scans that the network in folder ``weights`` was trained on."""
    return bundle.about(weights).training_scans


def _probability(
    network: nn.Module, image: Tensor, patch: tuple[int, int, int], device: str
) -> Tensor:
    """Return [classes, Z, Y, X] float32 on the CPU."""
    said.info("%s voxels in windows of %s on %s", tuple(image.shape[2:]), patch, device)
    with torch.inference_mode(), torch.autocast("cuda", enabled=device.startswith("cuda")):
        scores = sliding_window_inference(
            image,
            roi_size=patch,
            sw_batch_size=1,
            predictor=network,
            overlap=0.5,
            mode="gaussian",
            padding_mode="replicate",
            sw_device=device,
            device="cpu",
            progress=True,
        )
    return scores[0].float().softmax(0)


def _on_grid(probability: Tensor, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the most probable class and its probability on ``target``, slice by slice."""
    z, y, x = map(torch.from_numpy, matrices(source, target))
    winners = np.empty(target.shape, np.uint8)
    certainty = np.empty(target.shape, np.float32)
    for k, row in enumerate(z):
        near = row.nonzero()[:, 0]  # one or two slices
        plane = torch.einsum("k,ckyx->cyx", row[near], probability[:, near])
        best = (y @ plane @ x.T).max(0)  # [Y, X]
        winners[k], certainty[k] = best.indices.numpy(), best.values.numpy()
    return winners, certainty
