"""How far each voxel lies from the lean body's outline, and in which cavity."""

from typing import NamedTuple

import numpy as np

from phantomloom.cohort.build import Body
from phantomloom.cohort.lofts import (
    ARMS_DOWN,
    ARMS_UP,
    CAVITY,
    FAR_MM,
    HEAD,
    LEGS,
    MEDIASTINUM,
    SPINE,
    TRUNK,
    Loft,
    Section,
)
from phantomloom.cohort.shapes import coordinates
from phantomloom.volume import Volume

OUTSIDE, WALL, CAVITY_REGION, CRANIUM, MIDDLE = 1, 2, 4, 8, 16  # bits: one per voxel
ARM = 32  # a further bit, of what is nearer to an arm than to all else
LEAN = WALL | CAVITY_REGION | CRANIUM | MIDDLE
CRANIUM_ROW = (1684.0, 5.0, 67.0, 91.0, 65.5)  # middle z and y; half x, y, z in mm
FOSSA = (1638.0, -6.0, 0.42)  # the skull's floor rises to the front: height, y, slope
SPINE_HALF_MM, SPINE_BACK_MM = 21.0, 8.0  # the wedge that the spine takes off the chest
BLEND_MM = 24.0  # width over which limbs merge with the trunk
BELLY = (1085.0, 115.0)  # height and half length of what a belly pushes out, mm
# The diaphragm: two domes; heights and half axes in mm of the reference body
DOMES = {-1: (-62.0, -20.0, 1300.0), 1: (64.0, -16.0, 1288.0)}  # by side: x, y, top
DOME_LATERAL, DOME_MEDIAL, DOME_FRONT, DOME_BACK, DOME_FALL = 86.0, 130.0, 150.0, 106.0, 118.0


class Envelope(NamedTuple):
    """Fields on the grid, [Z, Y, X]."""

    distance_mm: np.ndarray  # float32, to the lean outline; negative inside
    regions: np.ndarray  # uint8, one of the bits, perhaps with ARM
    above_diaphragm_mm: np.ndarray  # float16, positive in the chest


def envelope(body: Body, grid: Volume) -> Envelope:
    """Return the fields of ``body`` on ``grid``."""
    shape = grid.array.shape
    fields = Envelope(
        np.full(shape, FAR_MM, np.float32),
        np.full(shape, OUTSIDE, np.uint8),
        np.zeros(shape, np.float16),
    )
    z, y, x = coordinates(grid, (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])))
    for index, height in enumerate(z.ravel()):
        _slice(body, float(height), y[0], x[0], *(field[index] for field in fields))
    return fields


def _slice(
    body: Body,
    height: float,
    y: np.ndarray,
    x: np.ndarray,
    distance: np.ndarray,
    regions: np.ndarray,
    above: np.ndarray,
) -> None:
    """Fill one slice of the three fields."""
    z = body.frame.height(height)
    reference = body.frame.section(z, y, x)
    scale = np.sqrt(np.prod(body.frame.scales(z)))
    belly = _belly(body, z, *reference)
    power = body.person.style.trunk_power
    inside, arm = _distances(body, z, height, (reference[0] / belly, reference[1]), (y, x), power)
    distance[:] = np.minimum(inside * scale, FAR_MM)
    regions[distance <= 0] = WALL
    section = LOFTS["cavity"].at(z)
    if section is not None:
        cavity = section.gauge(reference[0] / belly, reference[1], 2.1) < 1
        behind = reference[0] - float(SPINE(z)) - SPINE_BACK_MM
        cavity &= (behind < 0) | (np.abs(reference[1]) > SPINE_HALF_MM + 0.7 * behind)
        regions[cavity] = CAVITY_REGION
        above[:] = (z - diaphragm(*reference)) * scale
        middle = LOFTS["mediastinum"].at(z)
        if middle is not None:
            regions[cavity & (middle.gauge(*reference, 2.4) < 1) & (above > -25)] = MIDDLE
    cranium = Section(0.0, CRANIUM_ROW[1], *(CRANIUM_ROW[i] for i in (2, 3, 3)))
    rise = (z - CRANIUM_ROW[0]) / CRANIUM_ROW[4]
    if abs(rise) < 1:
        floor = z - FOSSA[0] > FOSSA[2] * np.maximum(FOSSA[1] - reference[0], 0) - 30 * (
            reference[0] > FOSSA[1]
        )
        regions[(cranium.gauge(*reference) ** 2 + rise**2 < 1) & floor] = CRANIUM
    regions[arm] |= ARM


def _distances(
    body: Body,
    z: float,
    height: float,
    trunk: tuple[np.ndarray, np.ndarray],
    plane: tuple[np.ndarray, np.ndarray],
    power: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the blended signed distance to the lean body, reference mm, and where an arm is."""
    y, x = trunk
    result = np.full(np.broadcast_shapes(y.shape, x.shape), FAR_MM, np.float32)
    for name, exponent in (("trunk", power), ("head", 2.2), ("legs", 2.0)):
        section = LOFTS[name].at(z)
        if section is not None:
            across = np.abs(x) if name == "legs" else x
            if name == "legs":
                section = section.scaled(body.limb_girth)
            result = _blend(result, section.distance(y, across, exponent))
    arm_z = body.arm_frame.height(height)
    section = LOFTS[f"arms_{body.person.arms}"].at(arm_z)
    if section is not None:
        arm_y, arm_x = body.arm_frame.section(arm_z, *plane)
        arm = section.scaled(body.limb_girth).distance(arm_y, np.abs(arm_x))
        return _blend(result, arm), arm < result
    return result, np.zeros(result.shape, bool)


def diaphragm(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the reference height of the diaphragm at reference y and x."""
    domes = []
    for side, (middle_x, middle_y, top) in DOMES.items():
        outward, back = side * (x - middle_x), y - middle_y
        u = outward / np.where(outward > 0, DOME_LATERAL, DOME_MEDIAL)
        v = back / np.where(back > 0, DOME_BACK, DOME_FRONT)
        domes.append(top - DOME_FALL * (u * u + v * v))
    return np.maximum(*domes)


def _belly(body: Body, z: float, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return by how much the front of the abdomen is stretched forwards, [Y, X]."""
    height = np.exp(-(((z - BELLY[0]) / BELLY[1]) ** 2))
    stretch = 1 + body.person.belly_mm / 100 * height
    return np.where((y < 0) & (np.abs(x) < 180), stretch, 1).astype(np.float32)


def _blend(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return a minimum whose crease is rounded over BLEND_MM."""
    share = np.clip(0.5 + 0.5 * (second - first) / BLEND_MM, 0, 1)
    return second + (first - second) * share - BLEND_MM / 2 * share * (1 - share)


LOFTS = {
    name: Loft(rows)
    for name, rows in {
        **{"head": HEAD, "trunk": TRUNK, "legs": LEGS, "cavity": CAVITY},
        **{"arms_down": ARMS_DOWN, "arms_up": ARMS_UP, "mediastinum": MEDIASTINUM},
    }.items()
}
