"""The head: skull and mandible around the brain, eyes, mouth, glands, and the upper airway."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import CRANIUM, LEAN, OUTSIDE, WALL
from phantomloom.cohort.sculptor import SIDES, Sculptor
from phantomloom.cohort.shapes import Part

FLESH = WALL | OUTSIDE
VAULT_MM = 7.2  # thickness of the skull around the brain
EYE = (1652.0, -72.0, 32.0)


def paint_head(body: Body, canvas: Canvas) -> None:
    """Paint what lies inside the skull and the orbits, then the bones, then the soft parts."""
    _paint_brain(body, canvas)
    for side, sign in SIDES.items():
        _paint_eye(body, canvas, side, sign)
    canvas.paint("gas", _airway(body.bones), WALL)
    _paint_bones(body, canvas)
    _paint_soft(body, canvas)


def _paint_brain(body: Body, canvas: Canvas) -> None:
    tool, volumes = body.bones, body.person.volumes_ml
    canvas.paint("optic_chiasm", [tool.blob((1652, -14, 0), (4, 5, 7))], CRANIUM | WALL)
    stem = [(1668, 6, 0), (1650, 10, 0), (1634, 16, 0), (1620, 22, 0)]
    canvas.paint("brainstem", tool.tube(stem, [13, 15, 11, 8]), CRANIUM | WALL)
    used = canvas.volume_ml("brainstem") + canvas.volume_ml("optic_chiasm")
    whole = [tool.blob((1684, 5, 0), (65.5, 91, 67))]
    canvas.paint("brain", whole, CRANIUM, volumes["brain"] - used, 1.05)
    canvas.paint("cerebrospinal_fluid", whole, CRANIUM)


def _paint_eye(body: Body, canvas: Canvas, side: str, sign: float) -> None:
    tool, (z, y, x) = body.bones, EYE
    canvas.paint(
        f"eye_lens_{side}", [tool.blob((z, y - 9.5, x), (4.4, 2.6, 4.4), side=sign)], FLESH
    )
    ball = [tool.blob(EYE, (12, 12, 12), side=sign)]
    canvas.paint(f"eye_globe_{side}", ball, FLESH, body.person.volumes_ml["eye_globe"])
    nerve = [(z, y + 11, x - 2), (z + 1, -38, 22), (1652, -18, 7)]
    canvas.paint(f"optic_nerve_{side}", tool.tube(nerve, 2.6, sign), LEAN | OUTSIDE)
    orbit = tool.tube([(z, y, x), (z, -30, 18)], [17.5, 5], sign)
    canvas.paint("visceral_fat", orbit, WALL)


def _airway(tool: Sculptor) -> list[Part]:
    """Return nasal cavity, pharynx and the paranasal sinuses."""
    nose = [(1618, -100, 0), (1622, -70, 0), (1618, -38, 0)]
    parts = tool.tube(nose, [8, 13, 10], normal=(0, 0, 1), squeeze=1.6)
    throat = [(1618, -36, 0), (1590, -18, 0), (1555, -16, 0), (1538, -20, 0)]
    parts += tool.tube(throat, [9, 9, 8, 6], normal=(0, 1, 0), squeeze=1.3)
    for side in (1.0, -1.0):
        parts += [tool.blob((1622, -62, 32), (15, 15, 10), side=side)]  # maxillary sinus
    return [*parts, tool.blob((1672, -84, 0), (10, 5, 18)), tool.blob((1640, -30, 0), (8, 10, 9))]


def _paint_bones(body: Body, canvas: Canvas) -> None:
    tool = body.bones
    canvas.paint("mandible", _mandible(tool), FLESH)
    canvas.wrap("skull", CRANIUM, VAULT_MM * body.frame.scales(1684)[1], FLESH)
    parts = _base(tool)
    for sign in SIDES.values():
        parts += _cheek(tool, sign)
    canvas.paint("skull", parts, FLESH)


def _mandible(tool: Sculptor) -> list[Part]:
    parts: list[Part] = []
    for side in (1.0, -1.0):
        row = [(1549, -90, 0), (1551, -82, 20), (1556, -50, 38), (1564, -18, 48)]
        parts += tool.tube(row, [10, 10, 10, 9], side, normal=(0, 0.6, 1), squeeze=1.5)
        branch = [(1566, -16, 48), (1598, -12, 51), (1628, -6, 53)]
        parts += tool.tube(branch, [11, 11, 6], side, normal=(0, 0, 1), squeeze=2.0)
        teeth = [(1566, -88, 0), (1567, -80, 17), (1572, -58, 28)]
        parts += tool.tube(teeth, 5.5, side)
    return parts


def _base(tool: Sculptor) -> list[Part]:
    """Return the skull's floor, the palate with teeth, the nasal bones and the mastoids."""
    parts = tool.tube([(1628, -6, 0), (1636, -26, 0)], [12, 12])
    parts += tool.tube([(1642, -88, 0), (1655, -92, 0), (1668, -92, 0)], [5, 6, 7])
    parts += tool.fan([(1604, -80, -22), (1604, -45, -20)], [(1604, -80, 22), (1604, -45, 20)], 4.5)
    for side in (1.0, -1.0):
        arch = [(1594, -90, 0), (1594, -82, 18), (1596, -56, 29)]
        parts += tool.tube(arch, [8, 8, 8], side, normal=(0, 1, 0), squeeze=1.2)
        parts += [tool.blob((1622, 26, 54), (19, 13, 11), side=side)]
        parts += tool.tube([(1618, 12, 24), (1622, 30, 28)], [8, 8], side)  # condyles
        parts += tool.tube([(1604, -40, 24), (1646, -30, 26)], [6, 6], side)  # pterygoid
    return parts


def _cheek(tool: Sculptor, sign: float) -> list[Part]:
    """Return the orbit's rim, the wall of the maxilla and the zygomatic arch."""
    rim = [(1668, -86, 18), (1674, -80, 38), (1664, -68, 51), (1648, -64, 52), (1636, -74, 40)]
    parts = tool.tube([*rim, (1634, -86, 20), (1650, -88, 12), (1668, -88, 16)], 5.2, sign)
    parts += tool.tube([(1636, -74, 44), (1630, -52, 62), (1630, -20, 67), (1636, 2, 66)], 5, sign)
    parts += tool.fan(
        [(1634, -84, 20), (1634, -72, 44)], [(1600, -84, 20), (1602, -62, 32)], 3.5, sign
    )
    return parts + tool.fan(
        [(1634, -72, 44), (1630, -50, 46)], [(1602, -60, 32), (1602, -46, 28)], 3, sign
    )


def _paint_soft(body: Body, canvas: Canvas) -> None:
    tool, volumes = body.bones, body.person.volumes_ml
    lips = [(1582, -88, -22), (1581, -95, 0), (1582, -88, 22)]
    canvas.paint("lips", tool.tube(lips, [6, 10, 6], normal=(0, 1, 0), squeeze=1.4), FLESH)
    nose = [(1648, -92, 0), (1626, -103, 0), (1617, -103, 0), (1608, -92, 0)]
    canvas.paint("face", tool.tube(nose, [7, 10, 11, 8]), FLESH)
    canvas.paint("oral_cavity", [tool.blob((1575, -56, 0), (25, 33, 27))], FLESH)
    canvas.paint("supraglottic_larynx", [tool.blob((1531, -30, 0), (13, 13, 14))], FLESH)
    canvas.paint("glottis", [tool.blob((1514, -31, 0), (6, 12, 10))], FLESH)
    for side, sign in SIDES.items():
        gland = [tool.blob((1590, 8, 55), (26, 15, 11), side=sign)]
        canvas.paint(f"parotid_gland_{side}", gland, FLESH, volumes["parotid_gland"], 1.8)
        gland = [tool.blob((1546, -36, 36), (14, 17, 9), side=sign)]
        name = f"submandibular_gland_{side}"
        canvas.paint(name, gland, FLESH, volumes["submandibular_gland"], 1.8)
        masseter = tool.tube([(1572, -22, 57), (1625, -32, 62)], [9, 9], sign)
        canvas.paint("muscles", masseter, WALL)
    canvas.paint("thyroid_gland", _thyroid(tool), LEAN, volumes["thyroid_gland"], 1.8)
    canvas.paint(
        "bones", tool.tube([(1541, -34, -16), (1540, -44, 0), (1541, -34, 16)], 3.5)
    )  # hyoid
    face = [tool.blob((1600, -75, 0), (78, 62, 78), power=4)]
    canvas.paint("face", face, WALL)


def _thyroid(tool: Sculptor) -> list[Part]:
    lobes = [tool.blob((1494, -24, 19), (23, 11, 9), side=side) for side in (1.0, -1.0)]
    return lobes + tool.tube([(1486, -35, -14), (1484, -38, 0), (1486, -35, 14)], 5)
