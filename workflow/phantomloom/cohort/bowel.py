"""Colon, rectum and the small bowel's coils."""

import numpy as np

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.chest import pushed
from phantomloom.cohort.envelope import CAVITY_REGION, LEAN, MIDDLE
from phantomloom.cohort.sculptor import Sculptor
from phantomloom.cohort.shapes import Part

ABDOMEN = CAVITY_REGION | MIDDLE
RECTUM_SHARE = 0.12  # of the large intestine with content; own setting
SAC = (1042.0, -34.0, 92.0, 84.0)  # the coils' middle z, y; half length, half breadth in mm


def paint_large_bowel(body: Body, canvas: Canvas) -> None:
    """Paint the rectum, then the colon from the caecum to it."""
    tool, volume = pushed(body, canvas), body.person.volumes_ml["large_intestine"]
    rectum = [(958, 52, 3), (932, 64, 0), (905, 62, 0), (882, 50, 0), (858, 48, 0)]
    parts = tool.tube(rectum, [13, 16, 18, 15, 8])
    canvas.paint("rectum", parts, LEAN, RECTUM_SHARE * volume, 1.8)
    canvas.paint("colon", _colon(body, tool), ABDOMEN, (1 - RECTUM_SHARE) * volume, 1.9)


def paint_small_bowel(body: Body, canvas: Canvas) -> None:
    """Paint the coils; what they hold beside the duodenum."""
    target = body.person.volumes_ml["small_intestine"] - canvas.volume_ml("duodenum")
    parts = body.organs.tube(_coils(body), body.person.style.coil_radius)
    canvas.paint("small_bowel", parts, ABDOMEN, target, 2.2)


def _colon(body: Body, tool: Sculptor) -> list[Part]:
    sag, loop = body.person.style.transverse_sag, body.person.style.sigmoid_loop
    right = [(1018, -40, -84), (1045, -30, -92), (1085, -4, -100), (1130, 4, -100)]
    across = [(1152, -28, -90), (1132 - sag / 3, -68, -60), (1114 - sag, -80, -15)]
    across += [(1118 - sag, -80, 30), (1150 - sag / 3, -62, 74), (1192, -14, 102)]
    left = [(1204, 16, 104), (1176, 32, 102), (1130, 30, 104), (1080, 14, 104), (1040, -8, 98)]
    sigmoid = [(1005, -46, 88), (980 + loop / 2, -54, 60), (968 + loop, -30 - 0.2 * loop, 22)]
    sigmoid += [(976 + loop, -2 - 0.45 * loop, 2), (975, 32, 4), (958, 50, 3)]
    radii = [24, 24, 22, 20, *[18] * 6, *[15] * 5, *[14] * 6]
    return tool.tube([*right, *across, *left, *sigmoid], radii)


def _coils(body: Body) -> list[np.ndarray]:
    """Return a serpentine path [N, 3] in two layers, jittered; upright in the held-out family."""
    style, person = body.person.style, body.person
    random = person.random(72)
    middle_z, middle_y, half_length, half_breadth = SAC
    pitch = 2.15 * style.coil_radius
    rows = np.arange(-half_length, half_length + 1, pitch)
    points = []
    for layer, y in enumerate((-20.0, 20.0)):
        for index, row in enumerate(rows if layer == 0 else rows[::-1]):
            width = half_breadth * np.sqrt(max(0.2, 1 - (row / (1.25 * half_length)) ** 2))
            run = np.linspace(-width, width, 7) * (1 if (index + layer) % 2 else -1)
            sway = 5 * np.sin(np.linspace(0, 9, 7) + random.uniform(0, 6, 1))
            points += [(row + s, y + s, r) for r, s in zip(run, sway, strict=True)]
    path = np.array(points)
    if style.coils_upright:
        path = path[:, [2, 1, 0]] * (half_length / half_breadth, 1, half_breadth / half_length)
    path += random.normal(0, 2.0 if person.seed is not None else 1.0, path.shape)
    return list(path + np.array([middle_z, middle_y, 0]))
