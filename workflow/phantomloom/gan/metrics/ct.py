"""How far generated CT slices are from real ones in HU, in noise and in sharpness."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.gan.metrics.edges import edges
from phantomloom.gan.metrics.noise import noise

OVERALL = "all pixels"


class Slices(NamedTuple):
    """Slices and the masks they show or were made from."""

    hu: np.ndarray  # [N, H, W]
    masks: np.ndarray  # [N, H, W] class numbers, 0 outside the body


class Compared(NamedTuple):
    """A value of real and of generated slices; None where it could not be measured."""

    real: float | None
    generated: float | None

    @property
    def ratio(self) -> float | None:
        """Generated over real: 1 is best."""
        if self.real is None or self.generated is None or self.real <= 0:
            return None
        return self.generated / self.real

    @property
    def departure(self) -> float | None:
        """The absolute logarithm of the ratio, of which lower is better."""
        return abs(math.log(self.ratio)) if self.ratio else None


class Likeness(NamedTuple):
    """Generated beside real slices."""

    histogram_hu: dict[str, float | None]  # distance for each class and OVERALL
    noise_hu: Compared
    noise_power: dict[float, Compared]  # HU^2 mm^2 by cycles per mm
    edge_width_mm: Compared


def likeness(
    real: Slices,
    generated: Slices,
    class_names: Sequence[str],
    flat_classes: Collection[int],
    pixel_mm: float,
    window_hu: tuple[float, float],
) -> Likeness:
    """Return histograms, noise and edges of both sets, which are cut off at ``window_hu``.

    ``flat_classes`` are those without texture, where noise is measured. Number i + 1 is
    ``class_names[i]``. Edges are measured where the window shows both sides.
    """
    sets = (real, generated)
    noises = [noise(each.hu, each.masks, flat_classes, pixel_mm) for each in sets]
    sharp = [edges(each.hu, each.masks > 0, window_hu) for each in sets]
    widths = [each.width_px and each.width_px * pixel_mm for each in sharp]
    powers = zip(noises[0].frequencies, noises[0].power, noises[1].power, strict=False)
    return Likeness(
        histograms(real, generated, class_names),
        Compared(*(each.deviation_hu for each in noises)),
        {float(at): Compared(float(one), float(other)) for at, one, other in powers},
        Compared(*widths),
    )


def histograms(
    real: Slices, generated: Slices, class_names: Sequence[str]
) -> dict[str, float | None]:
    """Return the Wasserstein distance in HU for each class and over all pixels.

    None for a class that one of the sets lacks.
    """
    found: dict[str, float | None] = {OVERALL: histogram_distance(real.hu, generated.hu)}
    for number, name in enumerate(class_names, 1):
        one, other = (each.hu[each.masks == number] for each in (real, generated))
        found[name] = histogram_distance(one, other) if len(one) and len(other) else None
    return found


def histogram_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Wasserstein distance (of order 1) of all values, rounded to whole HU."""
    one, other = (np.rint(values).astype(np.int32).ravel() for values in (first, second))
    low = min(one.min(), other.min())
    bins = max(one.max(), other.max()) - low + 1
    shares = [np.bincount(each - low, minlength=bins) / len(each) for each in (one, other)]
    return float(np.abs(np.cumsum(shares[0] - shares[1])).sum())
