"""Sections of the body by height, in the reference body: its lean outline and its cavity.

Rows of a loft: height; the section's middle x and y; its half breadth, and its depth in front of
and behind the middle (y points to the back), all mm. Measured off anatomical atlases by eye and
tuned until volumes and pictures fitted: own settings.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

HEAD = (
    (1470, 0, 20, 45, 42, 52), (1500, 0, 13, 54, 50, 56), (1526, 0, 8, 56, 56, 60),
    (1536, 0, 5, 57, 95, 64), (1546, 0, 5, 58, 102, 68), (1580, 0, 5, 65, 103, 80),
    (1620, 0, 5, 71, 101, 88), (1660, 0, 5, 76, 98, 96), (1700, 0, 5, 76, 96, 98),
    (1725, 0, 5, 66, 82, 84), (1742, 0, 5, 52, 64, 66), (1753, 0, 5, 34, 42, 44),
    (1759, 0, 5, 8, 10, 10),
)  # fmt: skip
TRUNK = (
    (812, 0, 20, 20, 12, 20), (830, 0, 15, 70, 40, 55), (850, 0, 10, 112, 60, 85),
    (880, 0, 8, 148, 76, 98), (930, 0, 6, 160, 84, 102), (970, 0, 4, 157, 84, 103),
    (1020, 0, 2, 147, 90, 97), (1070, 0, 0, 136, 94, 94), (1120, 0, 0, 134, 96, 96),
    (1180, 0, 0, 142, 106, 98), (1240, 0, 0, 154, 117, 100), (1290, 0, 0, 159, 119, 103),
    (1340, 0, 0, 163, 117, 105), (1390, 0, 3, 165, 105, 103), (1430, 0, 6, 161, 88, 95),
    (1455, 0, 10, 140, 72, 86), (1478, 0, 14, 92, 54, 68), (1498, 0, 15, 58, 48, 57),
)  # fmt: skip
LEGS = (
    (0, 92, 10, 18, 60, 40), (8, 92, 10, 36, 165, 52), (30, 92, 10, 40, 168, 55),
    (55, 92, 10, 36, 120, 52), (75, 92, 10, 34, 60, 46), (95, 92, 10, 32, 38, 42),
    (150, 93, 10, 34, 34, 42), (250, 94, 8, 39, 38, 51), (350, 95, 6, 50, 42, 62),
    (400, 96, 5, 50, 42, 62), (450, 96, 5, 44, 43, 49), (500, 96, 4, 48, 51, 49),
    (600, 95, 4, 58, 61, 59), (700, 94, 5, 68, 69, 68), (800, 93, 7, 76, 73, 75),
    (850, 96, 8, 77, 73, 79), (900, 100, 8, 65, 67, 75), (950, 105, 8, 38, 43, 53),
)  # fmt: skip
ARMS_DOWN = (
    (655, 245, 5, 6, 10, 10), (670, 245, 5, 14, 30, 30), (740, 246, 5, 17, 42, 42),
    (800, 246, 5, 18, 42, 40), (840, 245, 5, 24, 30, 30), (880, 244, 5, 22, 24, 24),
    (980, 240, 5, 33, 34, 34), (1060, 236, 5, 39, 37, 37), (1110, 232, 5, 37, 34, 37),
    (1200, 224, 5, 41, 41, 43), (1300, 212, 5, 43, 45, 47), (1370, 198, 5, 47, 49, 51),
    (1420, 182, 6, 45, 45, 49), (1450, 168, 8, 27, 27, 31), (1462, 160, 8, 7, 7, 9),
)  # fmt: skip
ARMS_UP = (
    (1340, 160, 5, 15, 35, 45), (1380, 172, 5, 35, 45, 51), (1420, 178, 4, 47, 47, 51),
    (1470, 178, 0, 49, 47, 49), (1550, 172, -8, 44, 44, 45), (1640, 166, -14, 40, 41, 42),
    (1720, 160, -20, 37, 35, 37), (1770, 155, -24, 38, 36, 36),
    (1850, 145, -32, 33, 33, 33), (1950, 130, -40, 22, 23, 23),
    (1990, 124, -44, 26, 26, 26), (2030, 118, -46, 38, 19, 18),
    (2090, 112, -50, 40, 17, 17), (2160, 106, -54, 28, 13, 13), (2175, 104, -55, 8, 7, 7),
)  # fmt: skip
CAVITY = (
    (842, 0, 15, 12, 12, 20), (860, 0, 12, 34, 34, 48), (890, 0, 8, 50, 56, 66),
    (930, 0, 4, 64, 68, 76), (970, 0, 2, 88, 70, 74), (1020, 0, 0, 112, 78, 60),
    (1070, 0, 0, 122, 82, 56), (1120, 0, 0, 124, 84, 64), (1150, 0, 0, 126, 86, 74),
    (1180, 0, 0, 133, 94, 81), (1220, 0, 0, 143, 106, 87), (1260, 0, 0, 148, 108, 91),
    (1320, 0, 0, 147, 103, 95), (1380, 0, 0, 135, 89, 95), (1430, 0, 5, 112, 69, 85),
    (1470, 0, 18, 78, 49, 61), (1488, 0, 26, 47, 35, 42), (1496, 0, 28, 14, 12, 14),
)  # fmt: skip
MEDIASTINUM = (
    (1200, 4, -4, 40, 110, 46), (1290, 4, -4, 34, 108, 44), (1330, 0, -4, 32, 100, 42),
    (1370, 0, -4, 38, 92, 40), (1400, 0, -4, 38, 78, 38), (1440, 0, 0, 34, 66, 34),
    (1500, 0, 4, 30, 50, 32),
)  # fmt: skip
# Heights (mm) and y of the middles of the vertebral bodies along the reference spine.
CURVE = (
    (1020, 40), (1040, 31), (1076, 20), (1113, 15), (1150, 17), (1204, 28), (1260, 40),
    (1310, 48), (1370, 51), (1430, 44), (1486, 30), (1530, 16), (1560, 10), (1600, 9), (1620, 9),
)  # fmt: skip
FAR_MM = 120.0


@dataclass(frozen=True)
class Section:
    """One height of a loft."""

    x: float
    y: float
    breadth: float
    front: float
    back: float

    def scaled(self, factor: float) -> "Section":
        """Return the section with its half axes times ``factor``."""
        half = (factor * self.breadth, factor * self.front, factor * self.back)
        return Section(self.x, self.y, *half)

    def gauge(self, y: np.ndarray, x: np.ndarray, power: float = 2.0) -> np.ndarray:
        """Return the gauge at reference coordinates, [Y, X]."""
        across = np.abs(x - self.x) / self.breadth
        deep = y - self.y
        deep = np.where(deep < 0, deep / -self.front, deep / self.back)
        if power == 2:
            return np.sqrt(across * across + deep * deep)
        return (across**power + deep**power) ** (1 / power)

    def distance(self, y: np.ndarray, x: np.ndarray, power: float = 2.0) -> np.ndarray:
        """Return the signed distance to the outline in mm along rays from the middle, [Y, X]."""
        radius = np.hypot(y - self.y, x - self.x) + 1e-3
        return radius * (1 - 1 / np.maximum(self.gauge(y, x, power), 1e-4))


class Loft:
    """Sections that change smoothly with height."""

    def __init__(self, rows: tuple[tuple[float, ...], ...]) -> None:
        table = np.array(rows, float)
        self.low, self.high = table[0, 0], table[-1, 0]
        self._curve = PchipInterpolator(table[:, 0], table[:, 1:])

    def at(self, z: float) -> Section | None:
        """Return the section at reference height ``z``, None beyond the loft's ends."""
        return Section(*self._curve(z).tolist()) if self.low <= z <= self.high else None


SPINE = PchipInterpolator(*np.array(CURVE, float).T)  # y of the vertebral bodies by height
