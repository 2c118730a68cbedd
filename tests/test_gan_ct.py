"""Histograms, noise and edges of CT slices against closed forms."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import erf
from scipy.stats import wasserstein_distance

from phantomloom.gan.metrics.ct import (
    OVERALL,
    Compared,
    Slices,
    histogram_distance,
    histograms,
    likeness,
)
from phantomloom.gan.metrics.edges import edges, outline, rise_widths
from phantomloom.gan.metrics.noise import flat_windows, noise, noise_power, radial

NAMES = ("soft tissue", "liver", "spleen")
WIDE = (-1000.0, 1000.0)  # from air on


def white(count, size, deviation, seed=0):
    return deviation * np.random.default_rng(seed).standard_normal((count, size, size))


def slices(count=6, size=64, deviation=20.0, blur=0.8, liver_hu=60.0, seed=0):
    """An elliptic body of 0 HU with a liver, its edges blurred, then white noise."""
    rows, columns = np.indices((size, size)) / size - 0.5
    masks = np.zeros((count, size, size), np.uint8)
    masks[:, (rows / 0.36) ** 2 + (columns / 0.42) ** 2 < 1] = 1
    masks[:, (rows / 0.2) ** 2 + ((columns + 0.15) / 0.2) ** 2 < 1] = 2
    hu = np.array([-1000.0, 0, liver_hu])[masks]
    hu = gaussian_filter(hu, blur, axes=(1, 2)) + white(count, size, deviation, seed)
    return Slices(hu.astype(np.float32), masks)


def test_the_distance_of_histograms_is_the_wasserstein_distance():
    generator = np.random.default_rng(0)
    one, other = generator.normal(0, 30, (2, 10, 10)), generator.gamma(2, 40, (3, 10, 10))
    expected = wasserstein_distance(one.round().ravel(), other.round().ravel())
    assert histogram_distance(one, other) == pytest.approx(expected)
    assert histogram_distance(one, one + 25) == pytest.approx(25)
    assert histogram_distance(one, one) == 0


def test_histograms_are_told_for_each_class_under_its_mask():
    real, moved = slices(deviation=0), slices(deviation=0, liver_hu=90, blur=0.8)
    found = histograms(real, moved, NAMES)
    assert found["liver"] > 20 > found["soft tissue"]
    assert found["spleen"] is None
    assert 0 < found[OVERALL] < found["liver"]


def test_the_integral_of_the_noise_power_of_white_noise_is_its_variance():
    pixel_mm = 1.7
    windows = white(5000, 8, 12.0)
    spectrum = noise_power(windows, pixel_mm)
    assert spectrum.sum() / (8 * pixel_mm) ** 2 == pytest.approx(144, rel=0.02)
    frequencies, power = radial(spectrum, pixel_mm)
    assert frequencies[-1] == pytest.approx(1 / (2 * pixel_mm))  # Nyquist
    level = 144 * pixel_mm**2 * 64 / 61
    np.testing.assert_allclose(power[1:], level, rtol=0.05)


def test_the_noise_power_of_filtered_noise_is_that_of_its_covariance():
    """A window of n pixels sees the covariance at a lag l in n - |l| places (Bartlett)."""
    impulse = np.zeros((63, 63))
    impulse[31, 31] = 1
    kernel = gaussian_filter(impulse, 0.6)
    covariance = np.fft.fftshift(np.fft.ifft2(np.abs(np.fft.fft2(kernel)) ** 2).real)
    lags = np.arange(-15, 16)
    seen = covariance[16:47, 16:47] * np.outer(16 - np.abs(lags), 16 - np.abs(lags)) / 256
    waves = np.exp(-2j * np.pi * np.outer(np.arange(16), lags) / 16)
    expected = radial(100 * (waves @ seen @ waves.T).real * 256 / 253, 1.0)[1]
    filtered = gaussian_filter(white(2000, 32, 10.0), 0.6, axes=(1, 2))[:, 8:24, 8:24]
    frequencies, power = radial(noise_power(filtered, 1.0), 1.0)
    np.testing.assert_allclose(power[2:], expected[2:], rtol=0.03)
    assert power[1] > 5 * power[-1] and frequencies[1] == 2 / 16


def test_a_slope_is_no_noise():
    rows, columns = np.indices((8, 8))
    spectrum = noise_power((3.0 * rows - 7 * columns + 40)[None], 1.0)
    assert spectrum.max() == pytest.approx(0, abs=1e-18)


def test_windows_lie_inside_one_of_the_classes():
    masks = np.zeros((2, 20, 20), np.uint8)
    masks[0, :9] = 1
    masks[1, 2:, 3:] = 2
    windows = flat_windows(masks.astype(float), masks, {1, 2})
    assert set(windows.reshape(len(windows), -1).mean(1)) == {1.0, 2.0}
    assert np.all(windows == windows[:, :1, :1])
    # Corners every 4 px: rows 0 and columns 0 to 12 in class 1, rows and columns 4 to 12 in 2.
    assert len(windows) == 4 + 9
    assert len(flat_windows(masks.astype(float), masks, {2})) == 9


def test_noise_is_measured_where_the_organ_is_flat():
    each = slices(count=30, deviation=17)
    found = noise(each.hu, each.masks, {2}, 2.0)
    assert found.deviation_hu == pytest.approx(17, rel=0.05)
    assert found.windows >= 60
    nothing = noise(each.hu, each.masks, {3}, 2.0)
    assert nothing.deviation_hu is None and nothing.windows == 0


def step(sigma, angle, size=64, rise=1000.0):
    """A blurred half plane through the middle, at ``angle``, and where its inside is."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    depth = rows * math.sin(angle) + columns * math.cos(angle)
    return rise * (0.5 + 0.5 * erf(depth / sigma / math.sqrt(2))) - 1000, depth > 0


@pytest.mark.parametrize("angle", [0, 0.4, math.pi / 4, 2.5])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_the_width_of_a_blurred_step_is_2_563_sigma(sigma, angle):
    image, body = step(sigma, angle)
    found = edges(image[None], body[None], WIDE, reach_px=8)
    assert found.width_px == pytest.approx(2.563 * sigma, rel=0.01)


def test_widths_of_profiles_are_between_their_crossings():
    along = np.arange(-4, 4.01, 0.125)
    ramps = np.stack([np.clip(along / width, -0.5, 0.5) for width in (2, 4)]) * 1000
    faint = 0.1 * ramps
    np.testing.assert_allclose(rise_widths(np.concatenate([ramps, faint]), 4), [1.6, 3.2])
    assert len(rise_widths(np.clip(ramps, -500, 300), 4, 300.0)) == 0  # cut off above


def test_normals_point_inwards_and_the_frame_is_left_out():
    rows, columns = np.indices((64, 64))
    disc = (rows - 40) ** 2 + (columns - 32) ** 2 < 26**2  # cut off below
    disc[35:40, 30:35] = False  # a hole is no outline
    points, normals = outline(disc, 4)
    towards = np.array([40, 32]) - points
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    assert (towards * normals).sum(1).min() > 0.97
    assert points[:, 0].max() < 59
    assert np.linalg.norm(points - [40, 32], axis=1).min() > 24


def test_without_a_body_there_are_no_edges():
    nothing = edges(np.zeros((2, 32, 32)), np.zeros((2, 32, 32), bool), WIDE)
    assert nothing == (None, 0)
    flat = edges(np.zeros((1, 32, 32)), step(1, 0, 32)[1][None], WIDE)
    assert flat == (None, 0)


@pytest.mark.parametrize("fat_px", [1, 3])
def test_a_rise_of_which_the_window_hides_the_foot_is_no_edge(fat_px):
    """Air is cut off at the end of the window: the width would be that of the fat."""
    rows, columns = np.indices((64, 64)) - 31.5
    depth = 24 - np.hypot(rows, columns)
    hu = gaussian_filter(np.select([depth < 0, depth < fat_px], [-1000.0, -104.0], 54.0), 0.7)
    window = (-160.0, 240.0)
    found = edges(np.clip(hu, *window)[None], (depth > 0)[None], window)
    assert found == (None, 0)


def test_generated_slices_are_told_beside_real_ones():
    real = slices(count=30, deviation=20, blur=0.8)
    generated = slices(count=30, deviation=10, blur=1.4, seed=1)
    found = likeness(real, generated, NAMES, {2}, 3.0, WIDE)
    assert found.noise_hu.ratio == pytest.approx(0.5, rel=0.06)
    assert found.noise_hu.departure == pytest.approx(math.log(2), rel=0.1)
    assert found.edge_width_mm.real == pytest.approx(2.563 * 0.8 * 3, rel=0.2)
    assert found.edge_width_mm.ratio == pytest.approx(1.4 / 0.8, rel=0.15)
    assert [power.ratio < 0.35 for power in found.noise_power.values()] == [True] * 4
    assert set(found.histogram_hu) == {OVERALL, *NAMES}
    assert likeness(real, real, NAMES, {2}, 3.0, WIDE).noise_hu.ratio == 1


def test_what_was_not_measured_has_no_ratio():
    assert Compared(None, 3.0).ratio is None
    assert Compared(2.0, None).departure is None
    assert Compared(2.0, 0.5).departure == pytest.approx(math.log(4))
