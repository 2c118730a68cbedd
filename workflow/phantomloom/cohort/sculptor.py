"""Parts of a person, given in the coordinates of the reference body."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from phantomloom.cohort.frame import Frame
from phantomloom.cohort.shapes import Capsule, Ellipsoid, Part

Point = Sequence[float] | np.ndarray
STEP = 0.6  # of a tube's radius between the ends of its pieces
SIDES = {"left": 1.0, "right": -1.0}


@dataclass(frozen=True)
class Sculptor:
    """Points are (z, y, x) in mm of the reference body; ``side`` multiplies x (1 left, -1 right).

    ``wobble`` [W, 7] holds plane waves, each a wave vector (z, y, x) in 1/mm, a phase and a
    displacement (z, y, x) in mm; they move what is soft.
    """

    frame: Frame
    power: float = 2.0
    wobble: np.ndarray | None = None
    drop_mm: float = 0.0  # by which the diaphragm pushes the upper abdomen down, of the reference

    def blob(
        self,
        centre: Point,
        half: Point,
        tilt_deg: Point = (0, 0, 0),
        side: float = 1.0,
        power: float | None = None,
    ) -> Part:
        """Return a superellipsoid with half axes ``half``, turned about the z, y and x axes.

        Of a positive turn about z the left end goes back, about y the top goes left, about x the
        top goes forward.
        """
        middle = np.array(centre, float) * (1, 1, side)
        about_z, about_y, about_x = tilt_deg
        turn = Rotation.from_euler("xyz", (about_x, about_y, about_z), degrees=True).as_matrix()
        turn = np.diag([1, 1, side]) @ turn[::-1, ::-1]
        middle, where = self._moved(middle[None])[0], middle
        axes = self.frame.jacobian(where) @ turn @ np.diag(np.asarray(half, float))
        power = self.power if power is None else power
        box = np.abs(axes).sum(1) if power > 2 else np.sqrt((axes**2).sum(1))
        return Ellipsoid(self.frame.forward(middle), np.linalg.inv(axes), box, power)

    def tube(
        self,
        points: Sequence[Point],
        radii: float | Sequence[float],
        side: float = 1.0,
        normal: Point | None = None,
        squeeze: float = 1.0,
    ) -> list[Part]:
        """Return a tube along a smooth curve through the points, with a radius at each of them.

        It is ``squeeze`` times thinner along ``normal``, which is made square to the curve; None
        is the horizontal square to it, like a rib's outward direction.
        """
        line = np.asarray(points, float) * (1, 1, side)
        radius = np.broadcast_to(np.asarray(radii, float), len(line))
        line, radius = _resampled(line, radius)
        scale = np.cbrt(np.abs(np.linalg.det(self.frame.jacobian(line[len(line) // 2]))))
        line = self.frame.forward(self._moved(line))
        aside = None if normal is None else np.asarray(normal, float) * (1, 1, side)
        across = _square(aside, np.diff(line, axis=0))
        thick = (radius * scale).tolist()
        pieces = zip(line[:-1], line[1:], thick[:-1], thick[1:], across, strict=True)
        return [Capsule(a, b, (r, s), n, squeeze) for a, b, r, s, n in pieces]

    def fan(
        self,
        ends: Sequence[Point],
        other_ends: Sequence[Point],
        radius: float,
        side: float = 1.0,
        count: int = 14,
    ) -> list[Part]:
        """Return a sheet: tubes from one curve to another, close enough to touch."""
        first, second = (_curve(np.asarray(e, float), count) for e in (ends, other_ends))
        pairs = zip(first, second, strict=True)
        return [part for a, b in pairs for part in self.tube([a, b], radius, side)]

    def _moved(self, points: np.ndarray) -> np.ndarray:
        pushed = self.drop_mm * np.clip((points[..., :1] - 1050) / 180, 0, 1)
        points = points - pushed * (1, 0, 0)
        if self.wobble is None:
            return points
        waves = np.sin(points @ self.wobble[:, :3].T + self.wobble[:, 3])  # [N, W]
        return points + waves @ self.wobble[:, 4:]


def waves(random: np.random.Generator, amplitude_mm: float, length_mm: float) -> np.ndarray:
    """Return three plane waves [3, 7] for ``Sculptor.wobble``."""
    directions = random.normal(size=(3, 3))
    vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    vectors *= 2 * np.pi / (length_mm * random.uniform(0.8, 1.25, (3, 1)))
    shifts = random.normal(0, amplitude_mm / np.sqrt(3), (3, 3))
    return np.hstack([vectors, random.uniform(0, 2 * np.pi, (3, 1)), shifts])


def _curve(points: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` points, evenly spread over the control points, on a curve through them."""
    at = _chords(points)
    spline = make_interp_spline(at, points, k=min(3, len(points) - 1))
    return spline(np.linspace(0, at[-1], count))


def _resampled(line: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = _chords(line)
    count = 2 if len(line) == 2 else max(len(line), 2 + int(at[-1] / (STEP * radius.mean())))
    return _curve(line, count), np.interp(np.linspace(0, at[-1], count), at, radius)


def _chords(points: np.ndarray) -> np.ndarray:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0], np.cumsum(np.maximum(steps, 1e-3))])


def _square(normal: np.ndarray | None, along: np.ndarray) -> np.ndarray:
    """Return the part of ``normal`` square to each of ``along`` [N, 3], of length 1 or 0."""
    if normal is None:
        normal = np.cross(along, (1.0, 0.0, 0.0))
    share = (normal * along).sum(1) / np.maximum((along**2).sum(1), 1e-6)
    across = normal - along * share[:, None]
    return across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
