"""Arteries and veins of trunk and neck along their courses in the reference body."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.sculptor import SIDES

AORTA = (
    (1386, -34, -19), (1408, -33, -8), (1420, -16, 16), (1414, 10, 26), (1392, 25, 25),
    (1340, 28, 22), (1280, 24, 18), (1225, 8, 9), (1180, -6, 5), (1130, -14, 5), (1072, -10, 3),
)  # fmt: skip
AORTA_RADII = (15.5, 15, 14, 13.5, 12.5, 12.5, 12, 11, 10, 9.5, 9)
CAVA = (
    (1062, 2, -12), (1110, -11, -17), (1160, -11, -19), (1210, -12, -23), (1262, -14, -28),
    (1300, -20, -30), (1320, -24, -32),
)  # fmt: skip
SUBCLAVIAN = ((1450, -2, 24), (1468, 0, 48), (1454, -10, 84), (1436, -6, 116), (1420, 0, 138))
ILIAC_ARTERY = ((1074, -9, 3), (1045, 4, 20), (1012, 8, 37), (985, -6, 50), (950, -38, 62))
ILIAC_VEIN = ((1064, 4, -12), (1042, 14, 8), (1008, 20, 36), (980, 6, 50), (945, -26, 60))
ILIAC_VEIN_RIGHT = ((1064, 4, 12), (1042, 14, 20), (1008, 20, 36), (980, 6, 50), (945, -26, 60))


def paint_vessels(body: Body, canvas: Canvas) -> None:
    """Paint the vessels, arteries before veins."""
    tool = body.bones  # they keep to the spine
    canvas.paint("aorta", tool.tube(AORTA, AORTA_RADII))
    _paint_arch(body, canvas)
    canvas.paint("inferior_vena_cava", tool.tube(CAVA, [10, 11, 11.5, 12, 13, 13, 12]))
    for side, sign in SIDES.items():
        line = ILIAC_ARTERY
        parts = tool.tube(line, [6, 5.5, 5.5, 5, 5], sign)
        parts += tool.tube([(1012, 8, 37), (985, 40, 45), (960, 50, 48)], [5, 4, 3.5], sign)
        canvas.paint(f"iliac_artery_{side}", parts)
        thigh = [(944, -42, 64), (910, -56, 76), (850, -38, 88), (700, 6, 88)]
        canvas.paint("limb_artery", tool.tube(thigh, [5, 4.5, 4, 3.5], sign))
    for side, sign in SIDES.items():
        line = ILIAC_VEIN if side == "left" else ILIAC_VEIN_RIGHT
        parts = tool.tube(line, [8, 7.5, 7, 6.5, 6.5], sign)
        parts += tool.tube([(1008, 20, 36), (982, 50, 42), (958, 58, 45)], [5.5, 5, 4], sign)
        canvas.paint(f"iliac_vena_{side}", parts)
        thigh = [(938, -30, 60), (905, -46, 68), (850, -30, 82), (700, 12, 84)]
        canvas.paint("leg_vein", tool.tube(thigh, [6, 5, 4.5, 4], sign))


def _paint_arch(body: Body, canvas: Canvas) -> None:
    """Paint the branches of the arch, and the veins that end in the superior vena cava."""
    tool = body.organs
    trunk = [(1416, -28, -6), (1437, -20, -15), (1452, -12, -21)]
    canvas.paint("brachiocephalic_trunk", tool.tube(trunk, 6.5))
    roots = {"left": [(1420, -16, 16), (1440, -11, 18)], "right": [(1452, -12, 21)]}
    for side, sign in SIDES.items():
        neck = [(1470, -14, 23), (1500, -18, 27), (1535, -14, 29), (1560, -8, 29)]
        carotid = tool.tube([*roots[side], *neck], [5] * (len(roots[side]) + 1) + [4.5, 4, 4], sign)
        canvas.paint(f"common_carotid_artery_{side}", carotid)
        first = [(1417, 4, 23)] if side == "left" else [(1452, -12, 21)]
        parts = tool.tube([*first, *SUBCLAVIAN], 5, sign)
        canvas.paint(f"subclavian_artery_{side}", parts)
    cava = [(1418, -24, -27), (1390, -22, -33), (1355, -22, -34), (1340, -26, -34)]
    canvas.paint("superior_vena_cava", tool.tube(cava, [9, 10, 10, 10]))
    across = [(1420, -26, -25), (1432, -36, 4), (1446, -28, 34), (1452, -18, 50)]
    canvas.paint("brachiocephalic_vein_left", tool.tube(across, [8, 7, 7, 7]))
    down = [(1420, -26, -27), (1436, -24, -32), (1450, -18, -46)]
    canvas.paint("brachiocephalic_vein_right", tool.tube(down, [8, 7.5, 7]))
    for sign in SIDES.values():
        vein = [(1452, -18, 46), (1480, -14, 42), (1540, -10, 40), (1585, 4, 36)]
        canvas.paint("neck_vein", tool.tube(vein, [6.5, 6, 5, 4.5], sign))  # jugular
        vein = [(1448, -20, 48), (1446, -22, 90), (1420, -8, 132)]
        canvas.paint("neck_vein", tool.tube(vein, [5.5, 5, 5], sign))  # subclavian
