"""Ribs, costal cartilages and the sternum, on the surface of the thoracic cavity."""

import numpy as np

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import LEAN, LOFTS, OUTSIDE
from phantomloom.cohort.lofts import Section
from phantomloom.cohort.sculptor import SIDES
from phantomloom.cohort.spine import Vertebra, vertebrae

# By rib: height of the front end, and the angle at which it ends, from the back's midline.
FRONT_Z = (1436, 1400, 1368, 1337, 1306, 1276, 1247, 1221, 1196, 1172, 1170, 1172, 1160)
END_DEG = (148, 153, 152, 150, 147, 143, 138, 128, 118, 108, 84, 52, 34)
RADIUS = (6.6, 5.8, 5.8, 5.9, 6.2, 6.4, 6.5, 6.4, 6.2, 6.0, 5.6, 5.0, 4.4)
SQUEEZE = 1.5  # ribs are flat
OUTWARD_MM = 3.5  # of the rib's middle from the cavity
STERNUM_Z = (1431, 1404, 1388, 1360, 1325, 1290, 1272)
STERNUM_HALF = (26, 24, 19, 18, 20, 17, 9)
HITS = (1424, 1391, 1372, 1350, 1328, 1306, 1290)  # where cartilages 1 to 7 meet the sternum
PLACES = np.linspace(0, 1, 16)


def paint_ribcage(body: Body, canvas: Canvas) -> None:
    """Paint sternum, ribs and costal cartilages; a thirteenth pair has no name but bones."""
    tool = body.bones
    plate = [(z, front_y(z), 0.0) for z in STERNUM_Z]
    flat = tool.tube(plate, list(STERNUM_HALF), normal=(0.25, 1, 0), squeeze=3.0)
    canvas.paint("sternum", flat, LEAN | OUTSIDE)
    levels = {v.name: v for v in vertebrae()}
    for number in range(1, body.person.rib_pairs + 1):
        name = f"vertebrae_T{number}" if number <= 12 else "vertebrae_L1"
        path = rib_path(levels[name], number, body.person.style.rib_drop)
        for side, sign in SIDES.items():
            parts = tool.tube(path, RADIUS[number - 1], sign, squeeze=SQUEEZE)
            canvas.paint(f"rib_{side}_{number}" if number <= 12 else "bones", parts, LEAN | OUTSIDE)
    _paint_cartilages(body, canvas, levels)


def rib_path(vertebra: Vertebra, number: int, drop: float) -> list[tuple[float, float, float]]:
    """Return points of the left rib ``number`` from its head to its front end, (z, y, x) mm."""
    front = vertebra.z - drop * (vertebra.z - FRONT_Z[number - 1])
    neck = (vertebra.z + 5, vertebra.y + 0.75 * vertebra.half_y + 2, vertebra.half_x + 2)
    bend = (vertebra.z + 4, vertebra.canal_y + 9, vertebra.half_x + 17)
    angles = np.deg2rad(24 + (END_DEG[number - 1] - 24) * PLACES)
    heights = vertebra.z + 1 - (vertebra.z - front) * PLACES**1.05
    return [neck, bend, *(_on_cage(z, a) for z, a in zip(heights, angles, strict=True))]


def front_y(z: float) -> float:
    """Return the y of the cavity's front wall at the midline, where the sternum lies."""
    section = _cage(z)
    return section.y - section.front - OUTWARD_MM


def _cage(z: float) -> Section:
    section = LOFTS["cavity"].at(z)
    if section is None:
        raise ValueError(f"the rib cage has no section at the reference height {z:g} mm")
    return section


def _on_cage(z: float, angle: float) -> tuple[float, float, float]:
    section = _cage(z)
    depth = section.back if angle < np.pi / 2 else section.front
    y = section.y + (depth + OUTWARD_MM) * np.cos(angle)
    return z, float(y), float((section.breadth + OUTWARD_MM) * np.sin(angle))


def _paint_cartilages(body: Body, canvas: Canvas, levels: dict[str, Vertebra]) -> None:
    drop = body.person.style.rib_drop
    ends = [rib_path(levels[f"vertebrae_T{n}"], n, drop)[-1] for n in range(1, 11)]
    parts = []
    for number in range(1, 11):
        for sign in SIDES.values():
            parts += body.bones.tube(_cartilage(number, ends), 6.2, sign, (0.2, 1, 0.4), 1.2)
    canvas.paint("costal_cartilages", parts, LEAN | OUTSIDE)


def _cartilage(number: int, ends: list[tuple[float, float, float]]) -> list[np.ndarray]:
    """Return the path from a rib's end along the cage to the sternum or the cartilage above."""
    end = np.array(ends[number - 1])
    if number <= 7:
        hit = HITS[number - 1]
        edge = float(np.interp(hit, STERNUM_Z[::-1], STERNUM_HALF[::-1])) - 3
        goal, low = np.array([hit, front_y(hit), edge]), min(end[0], hit)
    elif number == 8:
        goal, low = np.array([1270, front_y(1270), 22.0]), end[0] + 4
    else:
        goal, low = np.add(ends[number - 2], (14, -10, -22)), end[0] + 4
    middle = 0.55 * end + 0.45 * goal
    section = _cage(float(low))
    rest = np.sqrt(max(0.05, 1 - (middle[2] / section.breadth) ** 2))
    middle[:2] = (middle[0] + low) / 2, section.y - (section.front + OUTWARD_MM) * rest
    return [end, middle, goal]
