"""How a CT scanner pictures a person: sharpness, noise, slices and the couch."""

from dataclasses import dataclass

import numpy as np

from phantomloom.cohort.people import FAMILIES


@dataclass(frozen=True)
class Scanner:
    """Settings of one scanner; all ranges below are own settings."""

    blur_mm: float = 0.7  # standard deviation of the point spread in the slice
    noise_hu: float = 12.0  # in the middle of an adult, in 3 mm slices
    grain_mm: float = 1.2  # standard deviation of the noise's correlation in the slice
    couch_radius_mm: float = 350.0  # of its top's curve
    couch_breadth_mm: float = 430.0
    couch_height_mm: float = 45.0
    couch_skin_hu: float = 60.0
    couch_foam_hu: float = -930.0


RANGES = {
    "standard": {
        **{"blur_mm": (0.5, 1.0), "noise_hu": (6, 22), "grain_mm": (0.8, 1.8)},
        **{"couch_radius_mm": (300, 600), "couch_breadth_mm": (400, 460)},
        **{"couch_height_mm": (35, 60), "couch_skin_hu": (-50, 180), "couch_foam_hu": (-960, -880)},
    },
    "held_out": {
        **{"blur_mm": (1.1, 1.5), "noise_hu": (25, 40), "grain_mm": (2.0, 3.0)},
        **{"couch_radius_mm": (1500, 4000), "couch_breadth_mm": (480, 530)},
        **{"couch_height_mm": (70, 90), "couch_skin_hu": (200, 350), "couch_foam_hu": (-860, -800)},
    },
}


def scanner(seed: int, family: str = "standard") -> Scanner:
    """Return scanner number ``seed`` of a family; the families' ranges are disjoint."""
    random = np.random.default_rng([seed, 74, FAMILIES.index(family)])
    return Scanner(**{name: float(random.uniform(*ends)) for name, ends in RANGES[family].items()})


def couch(settings: Scanner, y: np.ndarray, x: np.ndarray, back_mm: float) -> np.ndarray:
    """Return the HU of an empty room with a couch whose top touches y = ``back_mm``, [Y, X].

    y [Y, 1] and x [1, X] in mm, x from the couch's middle.
    """
    top = back_mm - x * x / (2 * settings.couch_radius_mm)
    depth = y - top
    half = settings.couch_breadth_mm / 2
    height = settings.couch_height_mm * np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1))
    inside = (depth > 0) & (depth < height) & (np.abs(x) < half)
    rind = inside & ((depth < 4) | (depth > height - 4))
    room = np.where(inside, settings.couch_foam_hu, -1000.0)
    return np.where(rind, settings.couch_skin_hu, room).astype(np.float32)
