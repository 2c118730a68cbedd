import numpy as np
import pytest

from phantomloom.simulation import reconstruction
from phantomloom.simulation.geometry import Scanner, fan_angles, row_heights, view_angles
from phantomloom.simulation.reconstruction import Grid

SCANNER = Scanner(
    source_to_isocentre_mm=570,
    source_to_detector_mm=1040,
    columns=180,
    column_mm=1.5,
    rows=4,
    collimation_mm=16,
    views_per_rotation=360,
)
KERNELS = {
    "soft": {"window": "hann", "cutoff_lp_per_cm": 2.5},
    "sharp": {"window": "cosine", "cutoff_lp_per_cm": 3.3},
}
GRID = Grid((100, 110), (2.0, 2.0), (-99.0, -109.0), 98.0)


def cylinder_chords(centre_yx, radius):
    """Exact: distance of the axis from each ray in the plane, times the ray's obliquity."""
    view, fan = view_angles(SCANNER)[:, None], fan_angles(SCANNER)
    y, x = centre_yx[0] + 570 * np.cos(view), centre_yx[1] - 570 * np.sin(view)
    distance = x * np.cos(view + fan) + y * np.sin(view + fan)
    chord = 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0))
    return chord[:, None] * np.hypot(1, row_heights(SCANNER) / 570)[:, None]


def reconstruct(chords, slices_mm=(-3.0, 0.0, 4.0)):
    filtered = reconstruction.filtered(chords.astype(np.float32), SCANNER, KERNELS)
    return reconstruction.back_project(filtered, SCANNER, GRID, np.array(slices_mm))


def away_from(centre_yx):
    y = GRID.origin_mm[0] + 2 * np.arange(100) - centre_yx[0]
    x = GRID.origin_mm[1] + 2 * np.arange(110) - centre_yx[1]
    return np.hypot(y[:, None], x)


@pytest.mark.parametrize("centre_yx", [(0.0, 0.0), (30.0, -20.0), (-25.0, 35.0)])
def test_a_cylinder_comes_back_where_it_is_with_its_attenuation(centre_yx):
    image = reconstruct(cylinder_chords(centre_yx, 40.0))
    away = away_from(centre_yx)
    inside = image[:, :, away < 34]
    assert inside.mean(-1) == pytest.approx(1.0, abs=0.002)
    assert inside == pytest.approx(np.ones_like(inside), abs=0.01)
    outside = image[:, :, (away > 46) & (away_from((0, 0)) < 95)]
    assert np.abs(outside.mean()) < 0.002
    assert np.abs(outside).max() < 0.03


def test_beyond_the_radius_nothing_is_reconstructed():
    image = reconstruct(cylinder_chords((0.0, 0.0), 40.0))
    assert (np.isnan(image[0, 0]) == (away_from((0, 0)) > 98.0)).all()
    assert (reconstruction.hounsfield(image[0], 1.0)[0][np.isnan(image[0, 0])] == -1024).all()


def test_a_kernel_is_the_ramp_times_its_window():
    frequency = np.fft.rfftfreq(reconstruction.padded(SCANNER), 1.5)  # per mm at the isocentre
    flat = reconstruction.kernel(SCANNER, "flat", 3.3)
    middle = (frequency > 0.05) & (frequency < 0.3)
    ramp = frequency[middle] * 570 / 2  # half of |cycles per radian|: a turn sees each line twice
    assert flat[middle] == pytest.approx(ramp, rel=0.03)
    hann = reconstruction.kernel(SCANNER, "hann", 2.0)
    half = np.abs(frequency - 0.1).argmin()
    assert hann[half] / flat[half] == pytest.approx(0.5, abs=0.01)
    assert (hann[frequency > 0.2] == 0).all()


def test_a_cut_off_beyond_the_cells_is_refused():
    with pytest.raises(ValueError, match=r"at most 3\.33 with column_mm 1\.5"):
        reconstruction.kernel(SCANNER, "hann", 4.0)


def test_a_perfect_scanner_needs_no_calibration():
    for columns in (180, 90):  # the field of the second is narrower than the usual cylinder
        scanner = SCANNER._replace(columns=columns)
        value = reconstruction.water_value(scanner, KERNELS["soft"], lambda mm: mm)
        assert value == pytest.approx(1.0, abs=0.002)


def test_hu_of_air_water_and_twice_water():
    relative = np.array([0.0, 0.99, 1.98, 60.0])
    assert reconstruction.hounsfield(relative, 0.99).tolist() == [-1000, 0, 1000, 32767]


ROWS = {"rows": 24, "collimation_mm": 24, "views_per_rotation": 240}
FINE = SCANNER._replace(columns=220, column_mm=1.0, **ROWS)
FLAT = {"": {"window": "hann", "cutoff_lp_per_cm": 5.0}}


def test_slices_on_a_row_are_as_noisy_as_those_between_two():
    noise = np.random.default_rng(1).standard_normal((240, 24, 220), np.float32)
    clean = reconstruction.filtered(noise, FINE, FLAT)
    grid = Grid((21, 21), (1.0, 1.0), (-10.0, -10.0), 10.0)
    slices = np.array([-3.0, -2.5, 0.0, 0.5, 3.0, 3.5])
    ratios = []
    for thickness_mm in (1.5, 0.0):  # the thinnest is as interpolated
        image = reconstruction.back_project(clean, FINE, grid, slices, thickness_mm)[0]
        ratios.append(np.nanstd(image[1::2]) / np.nanstd(image[0::2]))  # on rows, between
    assert 0.9 < ratios[0] < 1.1 and ratios[1] > 1.25


def ball_chords(centre, radius):
    """Exact: the distance of the ball's centre (z, y, x) from the ray to each cell."""
    view, fan = view_angles(FINE)[:, None, None], fan_angles(FINE)
    rise = row_heights(FINE)[:, None] / 570
    along = np.stack(np.broadcast_arrays(rise, np.cos(view + fan), -np.sin(view + fan)), -1)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    source = np.stack(np.broadcast_arrays(0.0, -570 * np.cos(view), 570 * np.sin(view)), -1)
    towards = np.array(centre) - source
    nearest = (towards * along).sum(-1, keepdims=True) * along - towards
    return 2 * np.sqrt(np.maximum(radius**2 - (nearest**2).sum(-1), 0))


def test_a_ball_far_off_the_axis_is_where_it_is_and_no_longer_than_it_is():
    """Rows of the detector are nearer together where the ball is nearer to the tube."""
    chords = ball_chords((5.0, 60.0, 0.0), 5.0).astype(np.float32)
    clean = reconstruction.filtered(chords, FINE, FLAT)
    grid = Grid((3, 3), (1.0, 1.0), (59.0, -1.0), 100.0)
    slices = np.arange(-3.0, 12.0, 0.25)
    column = reconstruction.back_project(clean, FINE, grid, slices)[0, :, 1, 1]
    above = slices[column > 0.5]
    assert (above[0] + above[-1]) / 2 == pytest.approx(5.0, abs=0.15)
    assert above[-1] - above[0] == pytest.approx(10.0, abs=0.5)
    assert column[np.abs(slices - 5) < 3] == pytest.approx(1.0, abs=0.05)
