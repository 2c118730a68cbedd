"""How far to trust each structure, from what the network says of each voxel."""

import numpy as np
import torch
from torch import Tensor

from phantomloom.segmentation import Confidence
from phantomloom.structures import by_id


def confidence(
    labels: np.ndarray, certainty: np.ndarray, entropy_bits: np.ndarray
) -> dict[str, Confidence]:
    """Return the confidence in each structure found, by name.

    Arrays are [Z, Y, X]: ``labels`` the structure ids (uint8, 0 for none), ``certainty`` the
    probability of the class that won, ``entropy_bits`` the Shannon entropy of all classes. A
    boundary voxel has another label among its six neighbours, so the end of the grid is no
    boundary; a structure without any boundary has entropy 0.
    """
    return from_sums(sums(labels, certainty, entropy_bits))


def sums(labels: np.ndarray, certainty: np.ndarray, entropy_bits: np.ndarray) -> np.ndarray:
    """Return by structure id, [4, 256], what parts of a scan can add up: the voxels and the sum of
    their ``certainty``, the boundary voxels and the sum of their entropy.
    """
    result = np.zeros((4, 256))
    for z, plane in enumerate(labels):  # plane by plane: no copy of the volume as float64
        edge = _boundary(labels, z)
        rim = plane[edge]
        result += [
            np.bincount(plane.ravel(), minlength=256),
            np.bincount(plane.ravel(), certainty[z].ravel(), minlength=256),
            np.bincount(rim, minlength=256),
            np.bincount(rim, entropy_bits[z][edge], minlength=256),
        ]
    return result


def from_sums(sums: np.ndarray) -> dict[str, Confidence]:
    """Return the confidence by name that ``sums`` [4, 256] amount to."""
    voxels, probability, rim, bits = sums
    return {
        by_id()[i].name: Confidence(
            probability=round(float(probability[i] / voxels[i]), 4),
            boundary_entropy_bits=round(float(bits[i] / max(rim[i], 1)), 4),
        )
        for i in np.flatnonzero(voxels).tolist()
        if i
    }


def probabilities(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the softmax of ``scores`` [classes, Y, X], and the entropy in bits, [Y, X]."""
    logs = scores.float().log_softmax(0)
    exponentials = logs.exp()
    return exponentials, -(exponentials * logs).sum(0) / torch.log(torch.tensor(2.0))


def _boundary(labels: np.ndarray, z: int) -> np.ndarray:
    """Return which voxels [Y, X] of plane ``z`` have another label beside them."""
    plane = labels[z]
    edge = (plane != labels[max(z - 1, 0)]) | (plane != labels[min(z + 1, len(labels) - 1)])
    across_y, across_x = plane[1:] != plane[:-1], plane[:, 1:] != plane[:, :-1]
    edge[1:] |= across_y
    edge[:-1] |= across_y
    edge[:, 1:] |= across_x
    edge[:, :-1] |= across_x
    return edge
