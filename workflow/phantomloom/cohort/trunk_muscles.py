"""The muscles that have names, and some without that hold organs in place."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import CAVITY_REGION, LEAN, MIDDLE, WALL
from phantomloom.cohort.sculptor import SIDES, Sculptor
from phantomloom.cohort.shapes import Part

PSOAS = (
    (1196, 26, 26), (1150, 22, 37), (1100, 18, 46), (1050, 10, 56), (1000, -10, 76),
    (960, -32, 92), (925, -32, 104), (880, 4, 116),
)  # fmt: skip
# The erector spinae lie behind ribs and transverse processes, flat on the trunk, round on the neck.
ERECTOR = (
    (945, 98, 18), (985, 90, 22), (1040, 79, 30), (1077, 73, 35), (1115, 71, 37), (1152, 73, 37),
    (1189, 77, 36), (1222, 81, 35), (1260, 85, 34), (1310, 88, 32), (1360, 90, 30), (1420, 85, 27),
    (1467, 74, 25), (1486, 66, 24),
)  # fmt: skip
ERECTOR_RADII = (10, 18, 26, 29, 30, 29, 27, 25, 23, 20, 18, 18, 17, 16)
NAPE = ((1450, 78, 25), (1480, 64, 24), (1530, 46, 22), (1590, 42, 20), (1620, 50, 18))
NAPE_RADII = (10, 15, 18, 16, 10)
MULTIFIDUS = (
    (945, 96, 12), (985, 90, 13), (1040, 79, 15), (1115, 69, 16), (1189, 76, 15), (1222, 81, 14),
    (1279, 89, 13), (1381, 90, 13), (1467, 73, 13),
)  # fmt: skip
MULTIFIDUS_RADII = (8, 13, 14, 15, 13, 12, 10, 9, 9)
FLAT = 1.5  # of the back's muscles, breadth to depth


def paint_muscles(body: Body, canvas: Canvas) -> None:
    """Paint the named muscles of both sides."""
    tool = body.bones
    for side, sign in SIDES.items():
        psoas = tool.tube(PSOAS, [9, 15, 20, 22, 21, 18, 16, 12], sign)
        canvas.paint(f"iliopsoas_{side}", psoas + _iliacus(tool, sign))
        erector = tool.tube(ERECTOR, ERECTOR_RADII, sign, normal=(0, 1, -0.35), squeeze=FLAT)
        rest = tool.tube(MULTIFIDUS, MULTIFIDUS_RADII, sign) + tool.tube(NAPE, NAPE_RADII, sign)
        canvas.paint(f"autochthon_{side}", erector + rest, WALL | CAVITY_REGION | MIDDLE)
        canvas.paint(f"gluteus_minimus_{side}", _minimus(tool, sign), LEAN)
        canvas.paint(f"gluteus_medius_{side}", _medius(tool, sign), LEAN)
        canvas.paint(f"gluteus_maximus_{side}", _maximus(tool, sign), LEAN)
        line = [(1195, 68, 54), (1130, 63, 68), (1065, 54, 84)]  # quadratus lumborum, flat
        flank = tool.tube(line, [12, 18, 17], sign, normal=(0, 1, 0), squeeze=2.2)
        canvas.paint("muscles", flank)
        floor = tool.fan(
            [(905, -40, 30), (900, 20, 44), (905, 62, 28)], [(868, 30, 8)] * 2, 5, sign
        )
        canvas.paint("muscles", floor)
        obturator = tool.fan(
            [(925, -30, 66), (925, 35, 66)], [(875, -28, 44), (880, 38, 60)], 8, sign
        )
        canvas.paint("muscles", obturator)


def _iliacus(tool: Sculptor, sign: float) -> list[Part]:
    crest = [(1032, 52, 78), (1046, 20, 108), (1036, -14, 120), (1010, -32, 116)]
    root = [(985, 36, 70), (980, 18, 80), (975, 0, 88), (970, -20, 94)]
    return tool.fan(root, crest, 9.5, sign, 18)


def _minimus(tool: Sculptor, sign: float) -> list[Part]:
    top = [(998, 48, 96), (1008, 20, 118), (1000, -14, 126)]
    return tool.fan(top, [(938, 8, 138), (936, 2, 142), (934, -6, 140)], 10, sign, 14)


def _medius(tool: Sculptor, sign: float) -> list[Part]:
    top = [(1020, 72, 84), (1050, 40, 122), (1046, 4, 142), (1024, -26, 144)]
    end = [(935, 28, 146), (930, 20, 152), (928, 10, 154), (930, -4, 152)]
    return tool.fan(top, end, 17, sign, 16)


def _maximus(tool: Sculptor, sign: float) -> list[Part]:
    top = [(1015, 92, 44), (985, 100, 38), (940, 100, 28), (905, 92, 22)]
    end = [(905, 52, 148), (880, 44, 148), (845, 40, 140), (815, 38, 132)]
    return tool.fan(top, end, 23, sign, 18)
