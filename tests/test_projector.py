import numpy as np
import pytest

from phantomloom.simulation import projector
from phantomloom.simulation.geometry import Scanner, fan_angles, row_heights
from phantomloom.volume import Volume

SCANNER = Scanner(
    source_to_isocentre_mm=570,
    source_to_detector_mm=1040,
    columns=90,
    column_mm=2.0,
    rows=6,
    collimation_mm=30,
    views_per_rotation=12,
)
ANGLES = [0.0, 0.3, np.pi / 2, 2.5, 4.0]


def centred(array, spacing_mm):
    origin = [-(n - 1) / 2 * mm for n, mm in zip(array.shape, spacing_mm, strict=True)]
    return Volume(array.astype(np.uint8), spacing_mm, tuple(origin))


def rays(view_angle, scanner=SCANNER):
    """Source and unit directions (z, y, x) of all rays of a view, from the definitions."""
    source = np.array([0, -570 * np.cos(view_angle), 570 * np.sin(view_angle)])
    angle = view_angle + fan_angles(scanner)
    direction = np.empty((scanner.rows, scanner.columns, 3))
    direction[..., 0] = row_heights(scanner)[:, None] / 570
    direction[..., 1], direction[..., 2] = np.cos(angle), -np.sin(angle)
    return source, direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def box_chords(view_angle, low, high, scanner=SCANNER):
    source, direction = rays(view_angle, scanner)
    with np.errstate(divide="ignore"):
        a, b = (low - source) / direction, (high - source) / direction
    return np.maximum(np.maximum(a, b).min(-1) - np.minimum(a, b).max(-1), 0)


def lengths(volume, materials, view_angle, scanner=SCANNER):
    piece = projector.slab(volume, scanner, (0.0, 0.0, 0.0))
    return projector.path_lengths(piece, scanner, materials, view_angle)


@pytest.mark.parametrize("view_angle", ANGLES)
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 2.0, 3.0), (4.0, 1.1, 0.9)])
def test_chords_through_a_box_are_exact(view_angle, spacing_mm):
    array = np.zeros((60, 50, 44))
    array[24:40, 11:30, 20:41] = 1
    found = lengths(centred(array, spacing_mm), 2, view_angle)[..., 1]
    half = np.array(array.shape) / 2
    low, high = np.array([24, 11, 20]) - half, np.array([40, 30, 41]) - half
    wanted = box_chords(view_angle, low * spacing_mm, high * spacing_mm)
    assert wanted.max() > 15
    assert found == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("view_angle", [0.0, np.pi / 2, np.pi])
@pytest.mark.parametrize("change", [{"rows": 5}, {"column_offset": 0.5}])
def test_chords_of_rays_along_an_axis_are_exact(view_angle, change):
    """Whose slopes are nothing: the middle row's in z, the middle column's in the plane."""
    scanner = SCANNER._replace(**change)
    array = np.zeros((60, 50, 44))
    array[24:37, 11:30, 20:41] = 1
    found = lengths(centred(array, (1.1, 0.9, 1.0)), 2, view_angle, scanner)[..., 1]
    corners = np.array([[24, 11, 20], [37, 30, 41]]) - np.array(array.shape) / 2
    wanted = box_chords(view_angle, *(corners * (1.1, 0.9, 1.0)), scanner)
    assert found == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("view_angle", ANGLES)
def test_chords_through_a_ball_are_those_of_geometry_but_for_its_voxels(view_angle):
    c = (np.arange(120) - 59.5) * 0.5
    ball = c[:, None, None] ** 2 + c[:, None] ** 2 + c**2 <= 25**2
    found = lengths(centred(ball, (0.5, 0.5, 0.5)), 2, view_angle)[..., 1]
    source, direction = rays(view_angle)
    nearest = np.linalg.norm(np.cross(direction, source), axis=-1)
    wanted = 2 * np.sqrt(np.maximum(25**2 - nearest**2, 0))
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.005 * 50


@pytest.mark.parametrize("view_angle", ANGLES)
def test_every_material_gets_its_share_of_a_ray_through_a_jumble(view_angle):
    array = np.random.default_rng(3).integers(0, 4, (30, 20, 22))
    array[:, 5:12, 6:15] = array[0, 5, 6]  # where whole columns are one material
    array[:, 13:, :4] = 0
    spacing = np.array([2.0, 3.0, 2.5])
    found = lengths(centred(array, tuple(spacing)), 4, view_angle)
    source, direction = rays(view_angle)
    step = 0.02
    along = np.arange(500, 640, step)
    for r, c in [(0, 45), (3, 30), (5, 60), (2, 41)]:
        place = source + along[:, None] * direction[r, c]
        index = np.floor(place / spacing + np.array(array.shape) / 2).astype(int)
        within = ((index >= 0) & (index < array.shape)).all(1)
        hit = array[tuple(index[within].T)]
        wanted = step * np.bincount(hit, minlength=4)
        assert found[r, c, 1:] == pytest.approx(wanted[1:], abs=0.3)


def test_beyond_its_ends_a_phantom_goes_on_as_its_last_slice():
    short, long = np.ones((4, 40, 40)), np.ones((60, 40, 40))
    for view_angle in ANGLES:
        found = lengths(centred(short, (1.0, 2.0, 2.0)), 2, view_angle)
        wanted = lengths(centred(long, (1.0, 2.0, 2.0)), 2, view_angle)
        assert found[..., 1] == pytest.approx(wanted[..., 1], rel=1e-5)


def test_transmission_is_that_of_the_path_lengths():
    random = np.random.default_rng(4)
    volume = centred(random.integers(0, 4, (16, 30, 30)), (3.0, 3.0, 3.0))
    mu, weights = random.uniform(0.005, 0.1, (4, 21)), random.uniform(0, 10, (2, 21))
    piece = projector.slab(volume, SCANNER, (0.0, 0.0, 0.0))
    left = projector.transmit(piece, SCANNER, mu, weights)
    for view in (0, 5):
        path = projector.path_lengths(piece, SCANNER, 4, 2 * np.pi * view / 12)[..., 1:]
        wanted = np.exp(-(path.astype(float) @ mu[1:])) @ weights.T
        assert left[:, view] == pytest.approx(np.moveaxis(wanted, -1, 0), rel=3e-5)


def test_air_alone_takes_nothing_away():
    volume = centred(np.zeros((5, 6, 7)), (3.0, 3.0, 3.0))
    piece = projector.slab(volume, SCANNER, (0.0, 0.0, 0.0))
    left = projector.transmit(piece, SCANNER, np.ones((1, 3)), np.array([[1, 2, 3.0], [4, 5, 6]]))
    assert (left[0] == 6).all()
    assert (left[1] == 15).all()


def test_a_cell_reads_the_mean_of_its_rays():
    volume = centred(np.random.default_rng(8).integers(0, 3, (16, 30, 30)), (3.0, 3.0, 3.0))
    mu, weights = np.array([[0.0], [0.02], [0.05]]), np.array([[3.0], [5.0]])
    piece = projector.slab(volume, SCANNER, (0.0, 0.0, 0.0))
    coarse = SCANNER._replace(rows=3, columns=45, column_mm=4.0, column_offset=0.125)
    each = projector.transmit(piece, SCANNER, mu, weights)
    mean = projector.transmit(piece, coarse._replace(rays_per_cell=(2, 2)), mu, weights)
    wanted = each.reshape(2, 12, 3, 2, 45, 2).mean((3, 5))
    assert mean == pytest.approx(wanted, rel=1e-5)
