"""The noise of CT slices: its spectrum and deviation in windows that lie inside one organ.

From each window its best plane is subtracted, so slow changes of HU are no noise.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

TREND = 3  # numbers of a plane
WINDOW_PX = 8


class Noise(NamedTuple):
    """Noise over all windows; None where there are none."""

    deviation_hu: float | None
    frequencies: np.ndarray  # [F] cycles per mm
    power: np.ndarray  # [F] HU^2 mm^2, mean over the ring of each frequency
    windows: int


def noise(
    images: np.ndarray, masks: np.ndarray, classes: Collection[int], pixel_mm: float
) -> Noise:
    """Return the noise of ``images`` [N, H, W] in HU inside the ``classes`` of ``masks``.

    Choose classes without texture of their own, such as liver, muscle and blood.
    """
    windows = flat_windows(images, masks, classes)
    if not len(windows):
        return Noise(None, np.empty(0), np.empty(0), 0)
    spectrum = noise_power(windows, pixel_mm)
    step = 1 / (WINDOW_PX * pixel_mm)  # cycles per mm between two frequencies
    deviation = float(np.sqrt(spectrum.sum()) * step)
    return Noise(deviation, *radial(spectrum, pixel_mm), len(windows))


def flat_windows(
    images: np.ndarray, masks: np.ndarray, classes: Collection[int], size: int = WINDOW_PX
) -> np.ndarray:
    """Return all windows [R, size, size] of one class, half a window apart."""
    found = []
    for image, mask in zip(images, masks, strict=True):
        pixels, labels = (
            sliding_window_view(array, (size, size))[:: size // 2, :: size // 2]
            for array in (image, mask)
        )
        of_one = (labels == labels[..., :1, :1]).all((-2, -1))
        found.append(pixels[of_one & np.isin(labels[..., 0, 0], list(classes))])
    return np.concatenate(found).astype(np.float64)


def noise_power(windows: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Return the noise power spectrum [n, n] in HU^2 mm^2 of windows [R, n, n] (ICRU 87, 4.4).

    Its integral over both frequencies is the variance of the noise. Frequencies are as np.fft has
    them. The power that the plane took is made up for, which is exact for white noise.
    """
    size = windows.shape[-1]
    rest = windows - _planes(windows)
    power = (np.abs(np.fft.fft2(rest)) ** 2).mean(0) * pixel_mm**2 / size**2
    return power * size**2 / (size**2 - TREND)


def radial(spectrum: np.ndarray, pixel_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in cycles per mm, from 1 step to Nyquist, and mean power around each."""
    size = len(spectrum)
    along = np.fft.fftfreq(size) * size
    ring = np.hypot(along[:, None], along).round().astype(int).ravel()
    rings = np.arange(1, size // 2 + 1)
    power = np.bincount(ring, spectrum.ravel())[rings] / np.bincount(ring)[rings]
    return rings / (size * pixel_mm), power


def _planes(windows: np.ndarray) -> np.ndarray:
    """Return the plane of least squares of each window."""
    size = windows.shape[-1]
    rows, columns = np.indices((size, size)).reshape(2, -1)
    basis, _ = np.linalg.qr(np.stack([np.ones(size**2), rows, columns], 1))
    flat = windows.reshape(len(windows), -1)
    return (flat @ basis @ basis.T).reshape(windows.shape)
