"""Vertebrae, discs, sacrum, and the spinal canal with what runs in it."""

from typing import NamedTuple

import numpy as np

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.lofts import SPINE
from phantomloom.cohort.sculptor import Point, Sculptor
from phantomloom.cohort.shapes import Part

SACRUM = ((1016, 43), (996, 60), (972, 75), (945, 84), (918, 83), (900, 76))
LEVELS = [
    *[f"vertebrae_L{n}" for n in range(5, 0, -1)],
    *[f"vertebrae_T{n}" for n in range(12, 0, -1)],
    *[f"vertebrae_C{n}" for n in range(7, 0, -1)],
]
PITCH = [38, 38, 37.5, 37, 36.5, *np.linspace(29.5, 18.5, 12), 18, 18, 17.5, 17.5, 18, 22, 16]
BOTTOM = 1020.0  # of L5
HALF_X = {"L": (26, 23), "T": (22, 14), "C": (15, 12)}  # of the body: lowest and highest vertebra
HALF_Y = {"L": (17.5, 16.5), "T": (16, 10), "C": (9, 8)}
CANAL = {"L": 9.0, "T": 8.0, "C": 8.0}  # half the canal's breadth
CORD = {1016: 6.0, 1100: 6.5, 1200: 6.5, 1400: 5.5, 1530: 6.5, 1618: 6.0}  # radius


class Vertebra(NamedTuple):
    """One level: its name, middle (z, y), height with disc and half axes in mm."""

    name: str
    z: float
    y: float
    pitch: float
    half_x: float
    half_y: float
    canal: float

    @property
    def segment(self) -> str:
        """L, T or C."""
        return self.name[10]

    @property
    def canal_y(self) -> float:
        """Where the canal's middle lies."""
        return self.y + self.half_y + self.canal - 1


def vertebrae() -> list[Vertebra]:
    """Return the vertebrae of the reference body from below."""
    tops = BOTTOM + np.cumsum(PITCH)
    return [
        _vertebra(name, top - pitch / 2, pitch)
        for name, top, pitch in zip(LEVELS, tops, PITCH, strict=True)
    ]


def paint_spine(body: Body, canvas: Canvas) -> None:
    """Paint the cord with its sac (as the public tools mark it), vertebrae, discs and sacrum."""
    levels = vertebrae()
    path = [(v.z, v.canal_y, 0.0) for v in levels]
    below = [(z - 2, y + 8 - i, 0.0) for i, (z, y) in enumerate(SACRUM[:2])]  # the sac ends at S2
    line = [*reversed(below), *path, (1622.0, 24.0, 0.0)]
    radii = [float(np.interp(p[0], list(CORD), list(CORD.values()))) for p in line]
    canvas.paint("spinal_cord", body.bones.tube(line, radii))
    for vertebra in levels:
        canvas.paint(vertebra.name, _bone(body.bones, vertebra))
    above_a_disc = levels[:-1]  # all but the atlas
    canvas.paint("body", [part for v in above_a_disc for part in _disc(body.bones, v)])
    canvas.paint("sacrum", _sacrum(body.bones))
    canvas.paint("bones", body.bones.tube([(895, 74, 0), (872, 62, 0)], [8, 5]))  # coccyx
    canvas.paint("body", body.bones.tube(line, [r + 2.5 for r in radii]))  # epidural space


def _vertebra(name: str, z: float, pitch: float) -> Vertebra:
    segment, number = name[10], int(name[11:])
    count = {"L": 5, "T": 12, "C": 7}[segment]
    rise = (count - number) / (count - 1)
    half_x, half_y = (low + (high - low) * rise for low, high in (HALF_X[segment], HALF_Y[segment]))
    return Vertebra(name, z, float(SPINE(z)), pitch, half_x, half_y, CANAL[segment])


def _bone(tool: Sculptor, v: Vertebra) -> list[Part]:
    if v.name == "vertebrae_C1":
        return _atlas(tool, v)
    disc = {"L": 9.0, "T": 5.0, "C": 4.0}[v.segment]
    half_z = (v.pitch - disc) / 2
    body = [tool.blob((v.z, v.y, 0), (half_z, v.half_y, v.half_x), power=4)]
    if v.name == "vertebrae_C2":  # with the dens
        body += tool.tube([(v.z, v.y, 0), (v.z + 26, v.y - 2, 0)], [7, 5.5])
    return body + _arch(tool, v) + _processes(tool, v)


def _arch(tool: Sculptor, v: Vertebra) -> list[Part]:
    """Return pedicles and laminae around the canal, with the joint pillars."""
    thick = {"L": 5.5, "T": 4.2, "C": 4.0}[v.segment]
    wide, back = v.canal + thick + 1.5, v.canal_y + v.canal + thick
    parts: list[Part] = []
    for side in (1.0, -1.0):
        path: list[Point] = [
            (v.z + 3, v.y + 0.7 * v.half_y, min(wide, v.half_x * 0.75)),
            (v.z + 3, v.canal_y, wide),
            (v.z + 1, v.canal_y + 0.75 * v.canal, 0.75 * wide),
            (v.z - 1, back, 0),
        ]
        parts += tool.tube(path, thick, side)
        pillar = [(v.z + s * 0.52 * v.pitch, v.canal_y + 5, wide + 1) for s in (0.9, -1)]
        parts += tool.tube(pillar, thick, side)
    return parts


def _processes(tool: Sculptor, v: Vertebra) -> list[Part]:
    """Return the spinous and transverse processes."""
    back = v.canal_y + v.canal + 4
    length, drop, thick = {"L": (26, 4, 5.5), "T": (22, 20, 4.2), "C": (14, 6, 3.6)}[v.segment]
    longer = 1.35 if v.name in ("vertebrae_C7", "vertebrae_T1", "vertebrae_C2") else 1.0
    tips: list[Point] = [(v.z - 4, back, 0), (v.z - 4 - drop, back + longer * length, 0)]
    parts = tool.tube(tips, [thick, 0.9 * thick], normal=(0, 0, 1), squeeze=1.25)
    reach, aback = {"L": (42, 6), "T": (25, 17), "C": (24, -4)}[v.segment]
    for side in (1.0, -1.0):
        root = (v.z + 1, v.canal_y, v.canal + 4)
        parts += tool.tube([root, (v.z + 2, v.canal_y + aback, reach)], [4.5, 3.4], side)
    return parts


def _atlas(tool: Sculptor, v: Vertebra) -> list[Part]:
    parts: list[Part] = []
    for side in (1.0, -1.0):
        ring = [(v.z, v.y - 10, 0), (v.z, v.y - 4, 14), (v.z, v.y + 8, 19), (v.z, v.y + 26, 12)]
        parts += tool.tube([*ring, (v.z, v.y + 32, 0)], 4.2, side)
        parts += [tool.blob((v.z, v.y + 4, 18), (8, 9, 7), side=side)]
        parts += tool.tube([(v.z, v.y + 6, 20), (v.z, v.y + 8, 36)], 3.8, side)
    return parts


def _disc(tool: Sculptor, v: Vertebra) -> list[Part]:
    under = v.z - v.pitch / 2
    return [tool.blob((under, v.y, 0), (7, v.half_y * 0.97, v.half_x * 0.97), power=4)]


def _sacrum(tool: Sculptor) -> list[Part]:
    """Return five fused bodies that taper, and the wings that meet the hips."""
    path = [(z, y, 0.0) for z, y in SACRUM]
    parts = tool.tube(path, [27, 25, 20, 17, 14, 10], normal=(0.5, 0.85, 0), squeeze=1.7)
    rear = [(z, y + 15, 0.0) for z, y in SACRUM[:4]]
    parts += tool.tube(rear, [9, 9, 8, 6])
    for side in (1.0, -1.0):
        ala = [(1004, 52, 20), (985, 66, 34), (960, 76, 28), (935, 82, 18)]
        parts += tool.tube(ala, [17, 18, 13, 9], side, normal=(0.4, 0.9, 0), squeeze=1.25)
        parts += [tool.blob((996, 57, 40), (17, 15, 13), side=side)]
    return parts
