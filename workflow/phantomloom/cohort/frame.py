"""Where a point of the reference body lies in a person: stretched, bent and rolled."""

from dataclasses import dataclass

import numpy as np

TABLE_MM = np.arange(-200.0, 2500.0, 2.0)  # reference heights above the heels


@dataclass(frozen=True)
class Frame:
    """Maps reference coordinates (z, y, x) in mm, heels at z = 0, into the person's and back.

    At each height the body's section is scaled and shifted; then all is rolled about the long
    axis. So the map can be undone exactly, slice by slice.
    """

    height_mm: np.ndarray  # [N], all on TABLE_MM; increasing
    scale_y: np.ndarray  # [N]
    scale_x: np.ndarray  # [N]
    shift_y: np.ndarray  # [N] mm
    shift_x: np.ndarray  # [N] mm
    roll_rad: float

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Return reference points [..., 3] in the person."""
        z, y, x = np.moveaxis(np.asarray(points, float), -1, 0)
        y = y * self._at(z, self.scale_y) + self._at(z, self.shift_y)
        x = x * self._at(z, self.scale_x) + self._at(z, self.shift_x)
        cos, sin = np.cos(self.roll_rad), np.sin(self.roll_rad)
        return np.stack([self._at(z, self.height_mm), cos * y + sin * x, cos * x - sin * y], -1)

    def jacobian(self, point: np.ndarray) -> np.ndarray:
        """Return d person / d reference [3, 3] at one reference point."""
        steps = np.eye(3) * 4.0
        ahead, behind = self.forward(point + steps), self.forward(point - steps)
        return (ahead - behind).T / 8.0

    def height(self, z: float) -> float:
        """Return the reference height of the person's height ``z``."""
        return float(np.interp(z, self.height_mm, TABLE_MM))

    def section(self, z: float, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return reference y and x of the person's points at reference height ``z``."""
        cos, sin = np.float32(np.cos(self.roll_rad)), np.float32(np.sin(self.roll_rad))
        upright_y, upright_x = cos * y - sin * x, cos * x + sin * y
        y = (upright_y - self._at(z, self.shift_y)) / self._at(z, self.scale_y)
        x = (upright_x - self._at(z, self.shift_x)) / self._at(z, self.scale_x)
        return y.astype(np.float32), x.astype(np.float32)

    def scales(self, z: float) -> tuple[float, float]:
        """Return the scales of y and x at reference height ``z``."""
        return float(self._at(z, self.scale_y)), float(self._at(z, self.scale_x))

    def _at(self, z: np.ndarray | float, values: np.ndarray) -> np.ndarray:
        return np.interp(z, TABLE_MM, values)
