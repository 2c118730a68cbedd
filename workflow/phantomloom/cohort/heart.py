"""The heart: four chambers in a myocardium, apex to the left, front and below; great vessels."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import CAVITY_REGION, LEAN, MIDDLE
from phantomloom.cohort.sculptor import SIDES

INSIDE = CAVITY_REGION | MIDDLE
CHAMBERS = {  # share of the blood; middle, half axes and tilt (about z, y, x) of the reference
    "heart_ventricle_left": (0.27, (1312, -38, 44), (26, 25, 44), (-28, 32, 0)),
    "heart_atrium_left": (0.19, (1350, 0, 8), (24, 22, 34), (0, 0, 0)),
    "heart_atrium_right": (0.24, (1332, -30, -38), (37, 28, 25), (0, 0, 0)),
    "heart_ventricle_right": (0.3, (1306, -66, 8), (29, 23, 52), (-18, 24, 0)),
}
WALLS_MM = {  # thickness of the muscle about each chamber
    **{"heart_ventricle_left": 11.0, "heart_ventricle_right": 3.5},
    **{"heart_atrium_left": 2.0, "heart_atrium_right": 2.0},
}


def paint_heart(body: Body, canvas: Canvas) -> None:
    """Paint the great vessels at the heart, then its chambers, then the muscle around them."""
    tool, volumes = body.organs, body.person.volumes_ml
    outlet = [(1338, -74, 14), (1356, -64, 18), (1374, -46, 20), (1387, -22, 17), (1389, -6, 16)]
    parts = tool.tube(outlet, [13, 14, 14, 13.5, 12])
    parts += tool.tube([(1388, -10, 16), (1384, 2, -12), (1379, 8, -46)], [11, 10.5, 8.5])
    parts += tool.tube([(1388, -8, 18), (1394, 8, 34), (1388, 14, 52)], [11, 11, 8.5])
    root = [(1330, -46, 18), (1344, -40, 8), (1362, -40, -10), (1390, -34, -19)]
    canvas.paint("aorta", tool.tube(root, [12, 15, 16, 15.5]), INSIDE)
    canvas.paint("pulmonary_artery", parts, INSIDE)
    for name, (share, middle, half, tilt) in CHAMBERS.items():
        blob = [tool.blob(middle, half, tilt)]
        canvas.paint(name, blob, INSIDE, share * volumes["heart_blood"], 1.5)
    veins = []
    for sign in SIDES.values():
        for z, y, x in ((1362, 12, 50), (1336, 22, 46)):
            veins += tool.tube([(1352, 6, 16), (z - 4, y - 4, 30), (z, y, x)], [7, 6.5, 6], sign)
    canvas.paint("pulmonary_vein", veins, INSIDE)
    appendage = tool.tube([(1362, -10, 32), (1366, -34, 42)], [8, 7])
    canvas.paint("atrial_appendage_left", appendage, INSIDE)
    canvas.shell("myocardium", WALLS_MM, volumes["heart_tissue"], 2.2, LEAN)
