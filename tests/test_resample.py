import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from phantomloom.resample import Grid, nearest, resample
from phantomloom.volume import Volume

spacings = st.tuples(*[st.floats(1, 4)] * 3)


def ramp(shape, spacing_mm, origin_mm=(0.0, 0.0, 0.0)):
    z, y, x = (o + mm * np.arange(n) for n, mm, o in zip(shape, spacing_mm, origin_mm, strict=True))
    return Volume(z[:, None, None] + 2 * y[:, None] - 3 * x, spacing_mm, origin_mm)


@settings(deadline=None, max_examples=15)
@given(spacing_mm=spacings)
def test_a_ramp_in_space_stays_that_ramp_away_from_the_border(spacing_mm):
    fine = ramp((40, 41, 42), spacing_mm, (5.0, -7.0, 3.0))
    coarse = resample(fine, Grid.of(fine).at(4.0))
    expected = ramp(coarse.array.shape, coarse.spacing_mm, coarse.origin_mm).array
    inner = tuple(slice(3, -3) for _ in range(3))
    assert np.abs(coarse.array - expected)[inner].max(initial=0) < 0.01 * np.abs(expected).max()


def test_refining_interpolates_as_scipy_does():
    rng = np.random.default_rng(0)
    volume = Volume(rng.normal(size=(5, 6, 7)), (3.0, 2.0, 2.5))
    fine = Grid((9, 11, 13), (1.5, 1.0, 1.25), (0.0, 0.0, 0.0))
    axes = [mm * np.arange(n) for n, mm in zip((5, 6, 7), volume.spacing_mm, strict=True)]
    points = np.meshgrid(
        *[mm * np.arange(n) for n, mm in zip(*fine[:2], strict=True)], indexing="ij"
    )
    expected = RegularGridInterpolator(axes, volume.array)(np.stack(points, -1))
    assert resample(volume, fine).array == pytest.approx(expected, abs=1e-5)


def test_coarsening_averages_detail_instead_of_picking_voxels():
    stripes = np.zeros((4, 4, 120))
    stripes[..., ::2] = 100
    coarse = resample(
        Volume(stripes, (1.0, 1.0, 1.0)), Grid((4, 4, 30), (1.0, 1.0, 4.0), (0, 0, 1.5))
    )
    assert coarse.array[..., 2:-2] == pytest.approx(50, abs=2)


def test_the_grid_at_another_spacing_covers_the_same_box():
    grid = Grid((20, 512, 512), (2.0, 0.977, 0.977), (-10.0, 5.0, 7.0))
    coarse = grid.at(3.0)
    for n, mm, o, m, coarse_mm, p in zip(*grid, *coarse, strict=True):
        assert p - coarse_mm / 2 == pytest.approx(o - mm / 2)
        assert 0 <= m * coarse_mm - n * mm + 0.03 * coarse_mm < coarse_mm * 1.03


def test_the_grid_at_its_own_spacing_is_itself():
    grid = Grid((112, 101, 122), (3.0, 3.0, 3.0), (1.0, 2.0, 3.0))
    assert grid.at(3.0) == grid


def test_labels_come_from_the_nearest_voxel_and_are_0_outside():
    labels = Volume(np.arange(1, 9, dtype=np.uint8).reshape(2, 2, 2), (3.0, 3.0, 3.0))
    fine = nearest(labels, Grid((2, 2, 8), (3.0, 3.0, 1.0), (0.0, 0.0, -2.0)))
    assert fine.array[0, 0].tolist() == [0, 1, 1, 1, 2, 2, 2, 0]


def test_labels_are_looked_up_where_the_other_grid_is_in_the_world():
    labels = Volume(
        np.arange(1, 25, dtype=np.uint8).reshape(2, 3, 4), (3.0, 3.0, 3.0), (10, 20, 30)
    )
    found = nearest(labels, Grid((2, 1, 8), (3.0, 3.0, 1.5), (13.0, 23.0, 26.25))).array
    assert found[0, 0].tolist() == [0, 0, 17, 17, 18, 18, 19, 19]
    assert not found[1].any()
