import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from phantomloom.resample import Grid, covering, nearest, resample, resample_ct
from phantomloom.scan import AIR_HU, OUTSIDE_HU
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


def placed(volume):
    """The array, axes and origin of a Volume, as ``covering`` takes them."""
    return volume.array, np.diag(volume.spacing_mm), np.array(volume.origin_mm)


def by_counting(volume, grid, points):
    """The label of most of so many points along each axis of each voxel, one voxel at a time."""
    found = np.zeros(grid.shape, np.uint8)
    offsets = (np.arange(points) + 0.5) / points - 0.5
    for index in np.ndindex(*grid.shape):
        axes = [
            np.floor((o + mm * (i + offsets) - p) / step + 0.5).astype(int)
            for i, mm, o, step, p in zip(
                index, *grid[1:], volume.spacing_mm, volume.origin_mm, strict=True
            )
        ]
        held = [a[(a >= 0) & (a < n)] for a, n in zip(axes, volume.array.shape, strict=True)]
        counts = np.bincount(volume.array[np.ix_(*held)].ravel(), minlength=256)
        if counts[1:].sum() >= points**3 / 2:
            found[index] = 1 + counts[1:].argmax()
    return found


@pytest.mark.parametrize("spacing_mm", [(2.0, 3.0, 1.25), (0.5, 0.25, 1.0), (2.5, 0.5, 5.0)])
def test_a_voxel_gets_the_label_of_most_of_it(spacing_mm):
    rng = np.random.default_rng(5)
    labels = np.kron(rng.integers(0, 4, (3, 4, 4)), np.ones((2, 2, 2))).astype(np.uint8)
    source = Volume(labels, (1.0, 1.0, 1.0), (10.0, -5.0, 3.0))
    grid = Grid((5, 6, 7), spacing_mm, (9.125, -6.0, 2.5))
    expected = by_counting(source, grid, points=40)
    found = covering(*placed(source), grid)
    assert found.any()
    assert (found == expected).mean() > 0.995  # what is a tie in areas is not one in points


def test_no_gap_opens_where_three_structures_meet():
    labels = np.zeros((1, 10, 10), np.uint8)
    labels[:, :3], labels[:, 3:6, :5], labels[:, 3:6, 5:] = 1, 2, 3  # 30 %, 15 %, 15 %, 40 % none
    grid = Grid((1, 1, 1), (1.0, 10.0, 10.0), (0.0, 4.5, 4.5))
    assert covering(*placed(Volume(labels, (1.0, 1.0, 1.0))), grid).item() == 1
    labels[:, 5:6] = 0  # 50 % none
    assert covering(*placed(Volume(labels, (1.0, 1.0, 1.0))), grid).item() == 1
    labels[:, 4:5] = 0
    assert covering(*placed(Volume(labels, (1.0, 1.0, 1.0))), grid).item() == 0


def test_slabs_do_not_show():
    labels = np.random.default_rng(1).integers(0, 3, (80, 9, 9)).astype(np.uint8)
    source = Volume(labels, (1.0, 1.0, 1.0))
    grid = Grid((37, 4, 4), (2.1, 2.0, 2.0), (0.3, 0.5, 0.5))
    whole = covering(*placed(source), grid)
    for z in range(37):
        alone = covering(
            *placed(source), Grid((1, 4, 4), grid.spacing_mm, (0.3 + 2.1 * z, 0.5, 0.5))
        )
        assert np.array_equal(alone[0], whole[z])


def test_where_a_finer_grid_lies_inside_a_voxel_its_label_comes_through():
    labels = np.arange(1, 28, dtype=np.uint8).reshape(3, 3, 3)
    source = Volume(labels, (3.0, 3.0, 3.0))
    found = covering(*placed(source), Grid((9, 9, 9), (1.0, 1.0, 1.0), (-1.0, -1.0, -1.0)))
    assert np.array_equal(found, np.kron(labels, np.ones((3, 3, 3))))


def test_a_plate_of_half_a_voxel_stays_and_a_thinner_one_goes():
    labels = np.zeros((40, 12, 12), np.uint8)
    labels[4:6], labels[20:21] = 1, 2
    coarse = covering(
        *placed(Volume(labels, (1.0, 1.0, 1.0))), Grid((10, 3, 3), (4.0, 4.0, 4.0), (1.5, 1.5, 1.5))
    )
    assert (coarse[1] == 1).all()
    assert not (coarse == 2).any()


@pytest.mark.parametrize("spacing_mm", [1.5, 2.0, 3.0, 5.0])
def test_what_was_not_scanned_mixes_with_nothing_on_another_grid(spacing_mm):
    z, y, _ = np.indices((30, 40, 8))
    beyond = z < 0.4 * y
    ct = Volume(np.where(beyond, OUTSIDE_HU, 40).astype(np.int16), (2.0, 2.0, 2.0))
    found = resample_ct(ct, Grid.of(ct).at(spacing_mm)).array
    scanned = found != OUTSIDE_HU
    assert found[scanned].min() > 40 - 0.05 * (40 - AIR_HU) - 0.01
    assert abs(scanned.mean() - (~beyond).mean()) < 0.1
