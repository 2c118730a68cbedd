import numpy as np
import pytest
import torch
from scipy import ndimage

from phantomloom.segmentation.training.deformation import Deformation, coordinates, sampled

NONE = Deformation(largest_scale=1.0, warp_mm=0.0)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_hu_and_ids_are_those_that_scipy_finds_at_the_coordinates():
    random = rng()
    hu = random.integers(-1000, 1000, (20, 24, 28)).astype(np.int16)
    labels = random.integers(0, 9, hu.shape).astype(np.uint8)
    grid = coordinates(np.array([9.0, 12, 14]), (12, 16, 16), 3.0, Deformation(1.2, 6.0), rng(3))
    image, ids = sampled(torch.from_numpy(hu), torch.from_numpy(labels), grid, -1024.0)
    places = grid.permute(3, 0, 1, 2).numpy()
    inside = np.all([(p > 0.5) & (p < n - 1.5) for p, n in zip(places, hu.shape, strict=True)], 0)
    expected = ndimage.map_coordinates(hu.astype(np.float64), places, order=1)
    assert np.abs(image.numpy() - expected)[inside].max() < 0.1
    nearest = labels[
        tuple(np.clip(np.rint(places).astype(int), 0, np.array(hu.shape)[:, None, None, None] - 1))
    ]
    assert (ids.numpy() == nearest)[inside].all()


def test_beyond_the_scan_is_air_without_a_label():
    hu, labels = (
        torch.full((8, 8, 8), 40, dtype=torch.int16),
        torch.ones(8, 8, 8, dtype=torch.uint8),
    )
    grid = coordinates(np.array([40.0, 4, 4]), (8, 8, 8), 3.0, NONE, rng())
    image, ids = sampled(hu, labels, grid, -1024.0)
    assert (image == -1024).all() and not ids.any()


@pytest.mark.parametrize("seed", range(5))
def test_a_patch_is_never_folded_or_turned_inside_out(seed):
    """The determinant of the coordinates' derivative stays positive."""
    grid = coordinates(np.zeros(3), (64, 96, 112), 3.0, Deformation(1.3, 15.0), rng(seed)).numpy()
    jacobian = np.stack(np.gradient(grid, axis=(0, 1, 2)), -1)
    assert np.linalg.det(jacobian).min() > 0


def test_a_patch_lies_about_its_centre_within_the_angles_and_scales():
    for seed in range(20):
        grid = coordinates(
            np.array([5.0, 6, 7]), (33, 33, 33), 3.0, Deformation(1.3, 0.0), rng(seed)
        )
        assert torch.allclose(grid[16, 16, 16], torch.tensor([5.0, 6, 7]), atol=1e-4)
        along_x = (grid[16, 16, 32] - grid[16, 16, 16]) / 16
        assert 1 / 1.45 < along_x.norm() < 1.45
        assert along_x[2] / along_x.norm() > np.cos(np.radians(16))
