"""Organs of the pelvis and its lymph nodes."""

import numpy as np

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import CAVITY_REGION, LEAN, MIDDLE
from phantomloom.cohort.masses import value
from phantomloom.cohort.sculptor import SIDES, Point
from phantomloom.cohort.shapes import Part

NODES: dict[str, list[Point]] = {  # left side; radius about 4 mm
    "common_iliac": [(1052, 6, 32), (1036, 12, 38), (1022, 6, 46)],
    "external_iliac": [(992, -10, 62), (976, -22, 68), (958, -40, 73), (968, -30, 54)],
    "internal_iliac": [(996, 34, 52), (978, 46, 57), (962, 58, 54)],
    "obturator": [(950, -8, 58), (940, 4, 57), (930, -14, 55)],
}
PRESACRAL: list[Point] = [(1000, 30, 6), (984, 42, -7), (966, 56, 12), (950, 64, -14)]


def paint_pelvis(body: Body, canvas: Canvas) -> None:
    """Paint bladder and what lies behind and below it, by sex."""
    tool, volumes = body.organs, body.person.volumes_ml
    male = body.person.sex == "M"
    if male:
        gland = [tool.blob((880, -22, 0), (13, 13, 17))]
        canvas.paint("prostate", gland, LEAN, volumes["prostate"], 2.2)
        for sign in SIDES.values():
            vesicle = tool.tube([(900, -2, 4), (906, 8, 16), (910, 14, 28)], [4, 6, 5], sign)
            canvas.paint("seminal_vesicles", vesicle)
    else:
        canvas.paint("body", womb(body))
        for sign in SIDES.values():
            canvas.paint("body", [tool.blob((958, 10, 42), (9, 12, 15), side=sign)])  # ovary
        canvas.paint("body", tool.tube([(905, 18, 0), (862, 8, 0)], 9, squeeze=1.6))
    height = 912 if male else 904
    bag = [tool.blob((height, -34, 0), (31, 30, 40))]
    where = CAVITY_REGION | MIDDLE  # never in the wall
    canvas.paint("urinary_bladder", bag, where, volumes["urinary_bladder"], 2.3)


def womb(body: Body) -> list[Part]:
    """Return the shape of the uterus, which grows at puberty."""
    person = body.person
    frame = (person.height_cm / value("height_cm", "F", 20)) ** 3
    grown = float(np.cbrt(value("uterus", "F", person.age) / value("uterus", "F", 20) / frame))
    cervix, middle, fundus = ((905 + grown * z, 18 - grown * y, 0) for z, y in COURSE)
    return body.organs.tube([fundus, middle, cervix], [grown * 23.5, grown * 18, grown * 10])


COURSE = ((0, 0), (28, 11), (53, 27))  # of the uterus: up and forward of the cervix


def paint_breasts(body: Body, canvas: Canvas, where: int) -> None:
    """Paint the glands of the breasts in front of the chest's muscle; a man's are small."""
    if body.person.volumes_ml["breast"] < 5:
        return
    for side, sign in SIDES.items():
        half = BREAST_HALF if body.person.sex == "F" else MALE_BREAST_HALF
        gland = [body.bones.blob(BREAST, half, side=sign)]
        canvas.paint(f"breast_{side}", gland, where, body.person.volumes_ml["breast"], 2.0)


BREAST: Point = (1322, -106, 80)
BREAST_HALF: Point = (60, 34, 60)
MALE_BREAST_HALF: Point = (24, 14, 24)


def paint_nodes(body: Body, canvas: Canvas) -> None:
    """Paint the chains of lymph nodes along the iliac vessels and before the sacrum."""
    tool = body.organs
    for chain, points in NODES.items():
        for side, sign in SIDES.items():
            nodes = [tool.blob(point, (6, 4.6, 4.6), side=sign) for point in points]
            canvas.paint(f"lymph_nodes_{chain}_{side}", nodes)
    canvas.paint("lymph_nodes_presacral", [tool.blob(p, (5, 4, 4.5)) for p in PRESACRAL])
