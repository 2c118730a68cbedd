"""Bones of the limbs with their girdles: femur and hip, humerus, scapula and clavicle."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import LEAN, OUTSIDE
from phantomloom.cohort.sculptor import SIDES, Point, Sculptor
from phantomloom.cohort.shapes import Part

ANYWHERE = LEAN | OUTSIDE
SOCKET = (930.0, -2.0, 92.0)  # the hip joint
PATELLA = (500.0, -42.0, 95.0)


def paint_limb_bones(body: Body, canvas: Canvas) -> None:
    """Paint limbs and girdles; forearm, lower leg, hand and foot are "bones"."""
    arm = ARM[body.person.arms]
    for side, sign in SIDES.items():
        canvas.paint(f"femur_{side}", _femur(body.bones, sign), ANYWHERE)
        canvas.paint("body", [body.bones.blob(SOCKET, (26, 26, 26), side=sign)])  # joint space
        canvas.paint(f"hip_{side}", _hip(body.bones, sign), ANYWHERE)
        canvas.paint("bones", _lower_leg(body.bones, sign), ANYWHERE)
        canvas.paint("bones", [body.bones.blob(PATELLA, (21, 10, 21), side=sign)], ANYWHERE)
        canvas.paint(f"humerus_{side}", _humerus(body.arms, arm, sign), ANYWHERE)
        canvas.paint("bones", _forearm(body.arms, arm, sign), ANYWHERE)
        canvas.paint(f"scapula_{side}", _scapula(body, sign), ANYWHERE)
        canvas.paint(f"clavicula_{side}", _clavicle(body, sign), ANYWHERE)


ARM: dict[str, dict[str, list[Point]]] = {
    "down": {
        "head": [(1416, 2, 172)],
        "shaft": [(1405, 3, 185), (1380, 5, 190), (1250, 8, 216), (1150, 6, 229)],
        "elbow": [(1122, 6, 214), (1122, 6, 248)],
        "radius": [(1110, 0, 244), (1000, -2, 246), (868, 0, 250)],
        "ulna": [(1128, 14, 230), (1000, 8, 236), (868, 10, 240)],
        "hand": [(845, 5, 245), (770, 5, 247), (690, 5, 246)],
    },
    "up": {
        "head": [(1418, 2, 172)],
        "shaft": [(1430, 0, 180), (1465, -2, 180), (1600, -10, 170), (1690, -18, 163)],
        "elbow": [(1716, -20, 146), (1716, -20, 178)],
        "radius": [(1730, -26, 148), (1840, -36, 140), (1965, -42, 122)],
        "ulna": [(1712, -10, 158), (1840, -26, 150), (1965, -38, 132)],
        "hand": [(1990, -44, 124), (2060, -50, 115), (2140, -54, 108)],
    },
}


def _humerus(tool: Sculptor, arm: dict[str, list[Point]], sign: float) -> list[Part]:
    head = arm["head"][0]
    parts = [tool.blob(head, (23, 23, 23), side=sign)]
    parts += tool.tube([head, *arm["shaft"]], [21, 19, 12.5, 11, 14], sign)
    parts += tool.tube(arm["elbow"], 13, sign)
    inner, outer = arm["elbow"]
    middle = [(a + b) / 2 for a, b in zip(inner, outer, strict=True)]
    return parts + tool.tube([arm["shaft"][-1], middle], 13, sign)


def _forearm(tool: Sculptor, arm: dict[str, list[Point]], sign: float) -> list[Part]:
    parts = tool.tube(arm["radius"], [9, 7, 12], sign) + tool.tube(arm["ulna"], [12, 7, 7], sign)
    wrist, palm, tip = (_array(p) for p in arm["hand"])
    parts += tool.tube([arm["radius"][-1], wrist], [11, 11], sign)
    for finger in range(-2, 3):
        shift = (0, 11.0 * finger, 0)
        line = [[w + s for w, s in zip(p, shift, strict=True)] for p in (palm, tip)]
        parts += tool.tube([wrist, *line], [7, 5, 4], sign)
    return parts


def _clavicle(body: Body, sign: float) -> list[Part]:
    rise = 12 if body.person.arms == "up" else 0
    path = [(1432, -62, 25), (1442, -60, 60), (1446 + rise / 2, -38, 105), (1447 + rise, -14, 150)]
    return body.bones.tube([*path, (1447 + rise, -6, 158)], [11, 7, 6.5, 7.5, 7.5], sign)


def _scapula(body: Body, sign: float) -> list[Part]:
    """Return blade, spine with acromion, coracoid and the joint's cup; raised arms turn it."""
    up = body.person.arms == "up"
    tool, lift, turn = body.bones, 10.0 if up else 0.0, 26.0 if up else 0.0
    inner = [(1436, 84, 66), (1390, 93, 70), (1312 + lift, 89 - turn / 2, 88 + turn)]
    outer = [(1424, 30, 140), (1408, 26, 143), (1385, 40, 138)]
    parts = tool.fan(inner, outer, 4.2, sign, 20)
    parts += tool.tube([inner[-1], outer[-1]], [5, 7], sign)
    parts += [tool.blob((1412, 18, 146), (19, 14, 9), side=sign)]
    ridge = [(1410, 91, 74), (1430, 80, 108), (1446, 54, 148), (1450, 24, 164)]
    parts += tool.tube([*ridge, (1449, 6, 165)], [4, 6, 7, 8, 7], sign)
    parts += tool.fan([(1408, 90, 80), (1424, 56, 130)], [(1420, 88, 95), (1438, 64, 138)], 4, sign)
    return parts + tool.tube([(1424, 20, 138), (1438, 0, 134), (1430, -16, 142)], [8, 6, 5.5], sign)


def _femur(tool: Sculptor, sign: float) -> list[Part]:
    shaft = [(890, 6, 136), (840, 2, 133), (700, -8, 116), (560, -2, 101), (515, 0, 96)]
    parts = [tool.blob(SOCKET, (23.5, 23.5, 23.5), side=sign)]
    parts += tool.tube([SOCKET, (912, 2, 116), (897, 5, 134)], [17, 16, 20], sign)
    parts += [tool.blob((918, 12, 144), (22, 17, 14), side=sign)]
    parts += [tool.blob((876, 16, 120), (11, 10, 9), side=sign)]  # lesser trochanter
    parts += tool.tube(shaft, [18, 15.5, 14, 17, 24], sign)
    for x in (74, 116):
        parts += [tool.blob((496, 4, x), (22, 30, 20), side=sign)]
    return parts


def _lower_leg(tool: Sculptor, sign: float) -> list[Part]:
    parts = tool.tube(
        [(455, 0, 95), (430, -4, 94), (250, -6, 91), (95, 2, 88)], [30, 22, 14, 19], sign
    )
    parts += [tool.blob((462, 2, 95), (11, 24, 38), side=sign)]
    parts += tool.tube([(435, 22, 122), (250, 18, 112), (80, 8, 112)], [9, 7, 9], sign)
    parts += tool.tube([(62, 5, 92), (38, 46, 92)], [21, 18], sign)  # ankle and heel
    for toe in range(5):
        x = 74 + 8.5 * toe
        parts += tool.tube(
            [(55, -20, 92), (35, -75, x), (18, -135 + 5 * toe, x)], [13, 8, 5.5], sign
        )
    return parts


def _hip(tool: Sculptor, sign: float) -> list[Part]:
    """Return iliac wing, socket, ischium and pubis as one bone."""
    crest = [(1004, 84, 42), (1040, 74, 62), (1066, 46, 98), (1072, 10, 128), (1052, -28, 138)]
    crest += [(1016, -48, 130)]
    root = [(965, 58, 66), (966, 40, 76), (966, 24, 84), (966, 12, 92), (964, -2, 98)]
    root += [(958, -16, 100)]
    parts = tool.fan(root, crest, 5.2, sign, 34)
    parts += tool.tube(crest, 7.5, sign)
    parts += tool.tube([crest[-1], (985, -48, 116), (962, -34, 104)], [8, 8, 11], sign)
    parts += [tool.blob(SOCKET, (34, 33, 31), side=sign)]
    parts += tool.tube([(965, 50, 72), (945, 40, 80)], [15, 18], sign)
    ischium = [(915, 25, 88), (875, 40, 72), (848, 36, 62)]
    parts += tool.tube(ischium, [18, 14, 17], sign)
    ramus = [(846, 32, 58), (858, -10, 40), (880, -46, 18)]
    parts += tool.tube(ramus, [12, 8, 9], sign)
    parts += tool.tube([(935, -30, 78), (922, -52, 48), (904, -62, 16)], [13, 9, 10], sign)
    return [*parts, tool.blob((896, -60, 12), (21, 9, 9), side=sign)]


def _array(point: Point) -> list[float]:
    return [float(v) for v in point]
