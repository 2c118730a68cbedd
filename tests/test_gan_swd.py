"""Sliced Wasserstein distance against loops, scipy's filters and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter

from phantomloom.gan.metrics.halves import halves
from phantomloom.gan.metrics.swd import (
    DIRECTIONS,
    PATCH,
    PER_IMAGE,
    laplacian_pyramid,
    sliced_distance,
    swd,
)


def random_images(count, size=32, channels=1, seed=0, blur=0.0):
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((count, channels, size, size))
    blurred = gaussian_filter(images, blur, axes=(2, 3)) if blur else images
    return torch.from_numpy(blurred.astype(np.float32))


def loop_pyramid(image):
    """Levels of one channel [H, W] by scipy, as Karras et al. have them."""
    line = np.array([1, 4, 6, 4, 1]) / 16
    kernel, levels = np.outer(line, line), []
    while len(image) > 16:
        smaller = convolve(image, kernel, mode="mirror")[::2, ::2]
        spread = np.zeros_like(image)
        spread[::2, ::2] = smaller
        levels.append(image - convolve(spread, 4 * kernel, mode="mirror"))
        image = smaller
    return [*levels, image]


def loop_distance(first, second, level, size, seed):
    places = np.random.default_rng((seed, size)).integers(
        size - PATCH + 1, size=(2, len(first), PER_IMAGE)
    )
    sets = []
    for images in (first, second):
        patches = []
        for i, image in enumerate(images.double().numpy()):
            shown = [loop_pyramid(channel)[level] for channel in image]
            for top, left in zip(*places[:, i], strict=True):
                patches.append([c[top : top + 7, left : left + 7] for c in shown])
        patches = np.array(patches)
        for channel in range(patches.shape[1]):
            values = patches[:, channel]
            patches[:, channel] = (values - values.mean()) / values.std()
        sets.append(patches.reshape(len(patches), -1))
    generator = torch.Generator().manual_seed(seed + size)
    directions = torch.randn(DIRECTIONS, sets[0].shape[1], generator=generator).numpy()
    distances = []
    for direction in directions:
        unit = direction / np.linalg.norm(direction)
        one, other = (np.sort(patches @ unit) for patches in sets)
        distances.append(np.abs(one - other).mean())
    return 1000 * np.mean(distances)


def test_equal_sets_are_at_no_distance():
    images = random_images(5, 64)
    assert swd(images, images.clone(), seed=3) == {64: 0.0, 32: 0.0, 16: 0.0}


@pytest.mark.parametrize("channels", [1, 3])
def test_it_equals_a_loop_over_patches_and_directions(channels):
    first = random_images(3, channels=channels)
    second = random_images(3, channels=channels, seed=1, blur=0.7)
    found = swd(first, second, seed=5)
    for level, size in enumerate((32, 16)):
        expected = loop_distance(first, second, level, size, 5)
        assert found[size] == pytest.approx(expected, rel=1e-4)


def test_the_batch_does_not_matter(monkeypatch):
    first, second = random_images(9), random_images(9, seed=1, blur=1)
    at_once = swd(first, second)
    monkeypatch.setattr("phantomloom.gan.metrics.swd.AT_ONCE", 1)
    in_parts = swd(first, second)
    assert in_parts == pytest.approx(at_once, rel=1e-5)


def test_levels_of_the_pyramid_add_up_to_the_image():
    image = random_images(1, 64)
    *details, total = laplacian_pyramid(image)
    for detail in reversed(details):
        spread = torch.zeros_like(detail)
        spread[..., ::2, ::2] = total
        kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 64
        up = convolve(spread[0, 0].numpy(), kernel, mode="mirror")
        total = detail + torch.from_numpy(up)
    torch.testing.assert_close(total, image, rtol=0, atol=1e-5)


def test_a_moved_gaussian_is_at_the_distance_of_its_move():
    """In one dimension the move; in two its mean over directions, 2 / pi of it."""
    points = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    one = points[:, :1]
    assert sliced_distance(one, one + 0.75, seed=0) == pytest.approx(0.75, rel=1e-5)
    moved = points + torch.tensor([0.3, 0.4])
    expected = 0.5 * 2 / math.pi
    assert sliced_distance(points, moved, seed=0) == pytest.approx(expected, rel=0.05)


def test_a_wider_gaussian_is_at_the_mean_of_its_widening():
    """Quantiles of N(0, 1) and N(0, s) differ by (s - 1) |q|; the mean of |q| is sqrt(2 / pi)."""
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 10_000, 1, generator=generator)
    expected = 0.5 * math.sqrt(2 / math.pi)
    assert sliced_distance(one, 1.5 * other, seed=0) == pytest.approx(expected, rel=0.06)


def test_a_blur_shows_in_the_finest_scale_most():
    sharp, same = random_images(12, blur=1), random_images(12, blur=1, seed=1)
    blurred = random_images(12, blur=1.6, seed=2)
    floor, found = swd(sharp, same), swd(sharp, blurred)
    above = [found[size] / floor[size] for size in (32, 16)]
    assert above[0] > above[1] > 1 and above[0] > 1.5


def test_halves_are_even_and_share_no_patient():
    groups = [f"patient{i % 7}" for i in range(100)] + ["patient7"] * 40
    first, second = halves(groups, seed=2)
    assert len(first) == len(second) >= 60
    assert not {groups[i] for i in first} & {groups[i] for i in second}
    assert not np.array_equal(halves(groups, seed=3)[0], first)
    with pytest.raises(ValueError, match="two halves need two patients"):
        halves(["one", "one"])


def test_halves_of_real_images_see_how_patients_differ():
    """Images of a patient are its own picture; patients alike give less than patients unlike."""
    alike = random_images(24, 16, blur=1)
    own = random_images(6, 16, blur=2, seed=1).repeat_interleave(4, 0)
    first, second = halves([f"p{i // 4}" for i in range(24)])
    apart = [swd(images[first], images[second])[16] for images in (own, alike)]
    assert apart[0] > 1.5 * apart[1]


def test_sets_that_cannot_be_compared_are_named():
    with pytest.raises(ValueError, match=r"\(4, 1, 32, 32\) and \(3, 1, 32, 32\)"):
        swd(random_images(4), random_images(3))
    with pytest.raises(ValueError, match="squares of 16, 32, 64"):
        swd(random_images(2, 24), random_images(2, 24))
