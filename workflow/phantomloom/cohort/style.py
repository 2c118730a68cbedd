"""In which manner a family of people is built: courses, proportions and boxiness of the shapes.

All ranges are own settings. Those of "held_out" share no value with those of "standard", so that
a network trained on one is tested on bodies that it cannot have met.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Style:
    """Lengths are mm in the reference body."""

    power: float = 2.0  # exponent of the organs' superellipsoids
    trunk_power: float = 2.35  # the same of the trunk's sections
    rib_drop: float = 1.0  # how far ribs fall from spine to front
    legs: float = 1.0  # share of the height, relative
    shoulders: float = 1.0  # breadth, relative
    depth: float = 1.0  # of the trunk, relative
    transverse_sag: float = 0.0  # of the colon's middle
    sigmoid_loop: float = 0.0  # by which its loop rises
    coils_upright: bool = False  # small bowel runs up and down instead of across
    coil_radius: float = 12.5
    left_lobe: float = 1.0  # reach of the liver to the left, relative
    stomach_drop: float = 0.0  # by which the stomach's middle hangs lower
    wobble_mm: float = 0.0  # displacement of organs, smooth in space
    wobble_length_mm: float = 240.0  # its wavelength


REFERENCE_STYLE = Style()
RANGES = {  # lower and upper end
    "standard": {
        **{"power": (2.0, 2.3), "trunk_power": (2.2, 2.5), "rib_drop": (0.94, 1.06)},
        **{"legs": (0.975, 1.025), "shoulders": (0.96, 1.05), "depth": (0.95, 1.06)},
        **{"transverse_sag": (-10, 45), "sigmoid_loop": (-10, 30), "coil_radius": (11.5, 13.5)},
        **{"left_lobe": (0.85, 1.15), "stomach_drop": (-10, 25)},
        **{"wobble_mm": (1, 5), "wobble_length_mm": (200, 320)},
    },
    "held_out": {
        **{"power": (2.5, 2.9), "trunk_power": (2.6, 2.9), "rib_drop": (1.09, 1.16)},
        **{"legs": (1.03, 1.05), "shoulders": (0.9, 0.95), "depth": (1.07, 1.12)},
        **{"transverse_sag": (55, 85), "sigmoid_loop": (40, 65), "coil_radius": (14, 16)},
        **{"left_lobe": (1.2, 1.35), "stomach_drop": (30, 45)},
        **{"wobble_mm": (5.5, 7), "wobble_length_mm": (140, 180)},
    },
}


def draw_style(random: np.random.Generator, family: str) -> Style:
    """Return a style of ``family``."""
    drawn = {name: float(random.uniform(*ends)) for name, ends in RANGES[family].items()}
    return Style(coils_upright=family == "held_out", **drawn)
