"""Random, deformed patches of training cases; sample i depends on the seed and i alone."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, grid_sample, interpolate
from torch.utils.data import Dataset

from phantomloom.segmentation.training.targets import TrainingCase, targets
from phantomloom.segmentation.windows import AIR_HU, windows


class Sample(NamedTuple):
    """A patch."""

    image: Tensor  # [3, Z, Y, X] float32
    target: Tensor  # [models, Z, Y, X] uint8 class indices
    case: int  # index of the case it comes from


class Patches(Dataset):
    """Patches [Z, Y, X] of ``shape``.

    Each is centred near a voxel of a random learnt class in a random case that holds it.
    """

    def __init__(
        self,
        cases: list[TrainingCase],
        learnt: dict[str, tuple[str, ...]],
        shape: tuple[int, int, int],
        seed: int,
        samples: int,
    ) -> None:
        self.shape, self.seed, self.samples = shape, seed, samples
        self.hu = [torch.from_numpy(case.ct.array.astype(np.float32)) for case in cases]
        self.targets = [torch.from_numpy(targets(case, learnt)) for case in cases]
        self.centres: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
        for case, target in enumerate(self.targets):
            for key, voxels in _by_class(target.numpy()):
                self.centres.setdefault(key, []).append((case, voxels))

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.seed, index))
        held = list(self.centres.values())[rng.integers(len(self.centres))]
        case, voxels = held[rng.integers(len(held))]
        centre = np.array(np.unravel_index(rng.choice(voxels), self.hu[case].shape))
        grid = _coordinates(centre, self.shape, rng)
        hu, target = _resample(self.hu[case], self.targets[case], grid)
        hu = _contrast(hu, target, rng)
        hu = _acquisition(hu, rng)
        _cut_field_of_view(hu, target, rng)
        return Sample(windows(hu[None, None])[0], target, case)


def _by_class(target: np.ndarray) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Yield the flat voxel indices of each (model, class) that ``target`` holds."""
    for model, head in enumerate(target):
        for k in np.unique(head[head > 0]):
            yield (model, int(k)), np.flatnonzero(head == k)


def _coordinates(centre: np.ndarray, shape: tuple[int, int, int], rng) -> Tensor:
    """Return source voxel coordinates [Z, Y, X, 3] of a rotated, scaled, warped patch."""
    jitter = rng.uniform(-0.3, 0.3, 3) * shape
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in shape]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1) + torch.from_numpy(jitter).float()
    grid = grid @ torch.from_numpy(_random_affine(rng)).float().T
    coarse = torch.from_numpy(rng.normal(0, rng.uniform(0, 1.5), (1, 3, 4, 5, 5))).float()  # voxels
    warp = interpolate(coarse, size=shape, mode="trilinear", align_corners=True)
    return grid + warp[0].permute(1, 2, 3, 0) + torch.from_numpy(centre).float()


def _random_affine(rng) -> np.ndarray:
    """Return a matrix (z, y, x): body axis turns up to 10 degrees, tilts 6, scale 0.8 to 1.25."""
    about_z, about_y, about_x = np.radians(rng.uniform(-1, 1, 3) * (10, 6, 6))
    scale = np.exp(rng.uniform(np.log(0.85), np.log(1.18)) + rng.uniform(-0.06, 0.06, 3))
    matrix = np.diag(scale)
    for angle, (i, j) in ((about_z, (1, 2)), (about_y, (0, 2)), (about_x, (0, 1))):
        turn = np.eye(3)
        turn[[i, i, j, j], [i, j, i, j]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        matrix = turn @ matrix
    return matrix


def _resample(hu: Tensor, target: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Return HU (linear) and classes (nearest) at ``grid``; air and class 0 outside the scan."""
    size = torch.tensor(hu.shape, dtype=torch.float32)
    unit = (2 * (grid + 0.5) / size - 1).flip(-1)[None]  # grid_sample wants (x, y, z) in [-1, 1]
    image = grid_sample(hu[None, None] - AIR_HU, unit, mode="bilinear", align_corners=False)
    index = grid.round().long()
    inside = ((index >= 0) & (index < size)).all(-1)
    z, y, x = (index[..., axis].clamp(0, n - 1) for axis, n in enumerate(hu.shape))
    return image[0, 0] + AIR_HU, target[:, z, y, x] * inside


def _contrast(hu: Tensor, target: Tensor, rng) -> Tensor:
    """Shift each structure's HU: enhancement and composition differ between people."""
    for head in target[:-1]:  # the last model's tissues are the surroundings of all others
        shifts = torch.from_numpy(
            rng.normal(0, 12, 256) + (rng.random(256) < 0.1) * rng.uniform(0, 80)
        )
        shifts[0] = 0
        hu = hu + shifts.float()[head.long()] * (hu > -200)
    return hu + float(rng.normal(0, 6))


def _acquisition(hu: Tensor, rng) -> Tensor:
    """Thicken slices, smooth, and add noise with the grain of a reconstruction."""
    if rng.random() < 0.3:
        slices = int(rng.integers(2, 4))
        thick = avg_pool3d(hu[None, None], (slices, 1, 1), ceil_mode=True)
        hu = interpolate(thick, size=hu.shape, mode="trilinear", align_corners=False)[0, 0]
    noise = torch.from_numpy(rng.standard_normal(hu.shape, dtype=np.float32))
    if rng.random() < 0.5:
        noise = 3 * avg_pool3d(noise[None, None], 3, stride=1, padding=1)[0, 0]
    return hu + noise * float(rng.uniform(0, 20))


def _cut_field_of_view(hu: Tensor, target: Tensor, rng) -> None:
    """Turn what lies beyond a random axial plane at either end into air, in place."""
    most = max(2, len(hu) // 3)  # the middle third always stays
    for end in (slice(None, int(rng.integers(1, most))), slice(-int(rng.integers(1, most)), None)):
        if rng.random() < 0.25:
            hu[end], target[:, end] = AIR_HU, 0
