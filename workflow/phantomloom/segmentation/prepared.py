"""A CT as a network takes it, and the way back from the network's grid to the CT's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import Compose
from torch import Tensor

from phantomloom.io import nifti
from phantomloom.resample import Grid, matrices, resample
from phantomloom.volume import Volume


class Prepared(NamedTuple):
    """An image on a network's grid, its planes along z."""

    image: Tensor  # [1, C, Z, Y, X]
    axes: tuple[int, int, int]  # of the network, 0 for z, 1 for y, 2 for x
    to_ct: list[np.ndarray]  # weights [target, source] that interpolate along z, y and x


def at_spacing(ct: Volume, spacing_mm: float) -> Prepared:
    """Return the HU of ``ct`` on an isotropic grid."""
    grid = Grid.of(ct).at(spacing_mm)
    hu = torch.from_numpy(resample(ct, grid).array)[None, None]
    return Prepared(hu, (0, 1, 2), matrices(grid, Grid.of(ct)))


def by_transforms(ct: Volume, transforms: Sequence) -> Prepared:
    """Return what MONAI's dictionary ``transforms`` make of ``ct``, given as key "image".

    Those that would load it from a file are to be left out.

    Raises:
        ValueError: if the result does not lie along the patient's axes.
    """
    hu = torch.from_numpy(ct.array.T.astype(np.float32))[None]  # [1, X, Y, Z]
    image = Compose(transforms)(
        {"image": MetaTensor(hu, affine=torch.from_numpy(nifti.ras_affine(ct)))}
    )["image"]
    to_lps = nifti.LPS_OF_RAS @ np.asarray(image.affine, float)
    steps = to_lps[:3, :3]  # [world x y z, axis of the image]
    world = np.abs(steps).argmax(0)  # which world axis each axis of the image lies along
    if sorted(world) != [0, 1, 2] or not np.allclose(np.abs(steps).sum(0), np.abs(steps).max(0)):
        raise ValueError("the transforms of the bundle turn the image off the patient's axes")
    order = [int(np.flatnonzero(world == axis)[0]) for axis in (2, 1, 0)]  # of z, y, x
    spacing = [float(steps[axis, i]) for axis, i in zip((2, 1, 0), order, strict=True)]
    shape = [image.shape[1 + i] for i in order]
    origin = [
        float(to_lps[axis, 3] + min(0, (n - 1) * mm))
        for axis, n, mm in zip((2, 1, 0), shape, spacing, strict=True)
    ]
    grid = Grid(tuple(shape), tuple(map(abs, spacing)), tuple(origin))  # type: ignore[arg-type]
    to_ct = [
        weights[:, ::-1].copy() if mm < 0 else weights
        for weights, mm in zip(matrices(grid, Grid.of(ct)), spacing, strict=True)
    ]
    turned = torch.as_tensor(image).permute(0, *(1 + i for i in order))[None]
    return Prepared(turned, tuple(np.argsort(order).tolist()), to_ct)
