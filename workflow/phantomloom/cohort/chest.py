"""Airways, oesophagus, brachial plexus; then the lungs, their lobes and what lies between."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.envelope import CAVITY_REGION, MIDDLE
from phantomloom.cohort.sculptor import SIDES, Sculptor
from phantomloom.cohort.shapes import coordinates
from phantomloom.structures import label

# Shares of the lobes in both lungs: Yamada et al. 2020, supine CT, as in qc/volumes.tsv.
LOBES = {
    **{"lung_upper_lobe_left": 0.231, "lung_lower_lobe_left": 0.232},
    **{"lung_upper_lobe_right": 0.179, "lung_middle_lobe_right": 0.093},
    **{"lung_lower_lobe_right": 0.265},
}
OBLIQUE = (0.62, 0.78)  # normal of the oblique fissure: up, to the front
PUSH = 0.7  # share of the diaphragm's way that the organs below it go
BELOW_DIAPHRAGM = 1140.0  # height in the reference, mm
GAP_MM = 4.0  # fat between heart and lung
HEART = (
    "myocardium", "heart_ventricle_left", "heart_ventricle_right", "heart_atrium_left",
    "heart_atrium_right", "pulmonary_artery",
)  # fmt: skip
TRACHEA = ((1506, -26, 0), (1480, -16, 0), (1430, -2, -1), (1386, 10, 0))
ESOPHAGUS = (
    (1505, -10, 1), (1470, 4, 3), (1420, 16, 6), (1370, 22, 5), (1320, 22, 8), (1280, 10, 16),
    (1258, -4, 26),
)  # fmt: skip


def paint_airways(body: Body, canvas: Canvas) -> None:
    """Paint trachea and bronchi, then the oesophagus behind them."""
    tool = body.organs
    canvas.paint("trachea", tool.tube(TRACHEA, [8.5, 8.5, 8.5, 8]))
    bronchi = tool.tube([(1388, 10, 2), (1375, 2, 26), (1364, 6, 44)], [6.5, 6, 5])
    bronchi += tool.tube([(1388, 10, -2), (1374, 13, -20), (1354, 18, -40)], [7, 6.5, 5])
    canvas.paint("gas", bronchi)
    tube = tool.tube(ESOPHAGUS, [7, 7.5, 8, 8, 8.5, 9, 9], normal=(0, 1, 0), squeeze=1.25)
    canvas.paint("esophagus", tube, volume_ml=body.person.volumes_ml["esophagus"], reach=1.8)


def paint_plexus(body: Body, canvas: Canvas) -> None:
    """Paint the brachial plexus from the foramina of C5 to T1 to the armpit."""
    for side, sign in SIDES.items():
        parts = []
        for z in (1550, 1532, 1514, 1497, 1480):
            root = [(z, 22, 20), (z - 10, 16, 32), (1478 + (z - 1515) * 0.2, 6, 58)]
            parts += body.bones.tube([*root, (1448, -2, 96), (1424, 2, 132)], 3, sign)
        canvas.paint(f"brachial_plexus_{side}", parts)


def paint_lungs(body: Body, canvas: Canvas) -> None:
    """Fill the chest with lung: the diaphragm stands where both lungs have their volume.

    What is left of the chest between the lungs is fat. Below the diaphragm, a sheet of muscle,
    the cavity stays free.
    """
    fields = canvas.envelope
    heart = [name for name in HEART]
    box = canvas.box(heart, 3 * GAP_MM)
    near = np.isin(canvas.labels[box], [label(name) for name in heart])
    cavity = fields.regions[box] & CAVITY_REGION != 0
    if near.any():
        gap = ndimage.distance_transform_edt(~near, canvas.grid.spacing_mm) <= GAP_MM
        fields.regions[box][gap & cavity & (canvas.labels[box] == 0)] = MIDDLE
    rows = np.flatnonzero((fields.regions & CAVITY_REGION).any(axis=(1, 2)))
    if not len(rows):
        return
    whole = (slice(rows[0], rows[-1] + 1), slice(None), slice(None))
    depth = -fields.above_diaphragm_mm[whole].astype(np.float32)
    free = (canvas.labels[whole] == 0) & (fields.regions[whole] & CAVITY_REGION != 0)
    limits = (-30.0, 24.0)
    volume = body.person.volumes_ml["lungs"]
    canvas.claim("lung", whole, depth, free, volume, limits, "diaphragm")
    level = canvas.levels["diaphragm"]
    above = (canvas.labels[whole] == 0) & (depth <= level)
    canvas.labels[whole][above & (fields.regions[whole] & MIDDLE != 0)] = label("visceral_fat")
    sheet = (canvas.labels[whole] == 0) & (depth > level) & (depth <= level + 3.2)
    inside = fields.regions[whole] & (CAVITY_REGION | MIDDLE) != 0
    canvas.labels[whole][sheet & inside] = label("muscles")
    _split(body, canvas)


def pushed(body: Body, canvas: Canvas) -> Sculptor:
    """Return the tool for organs of the abdomen, which follow the diaphragm."""
    scale = np.sqrt(np.prod(body.frame.scales(BELOW_DIAPHRAGM)))  # as ``above_diaphragm_mm`` has it
    return replace(body.organs, drop_mm=PUSH * canvas.levels.get("diaphragm", 0.0) / scale)


def _split(body: Body, canvas: Canvas) -> None:
    """Give each voxel of lung to a lobe: fissures are planes where the lobes' shares are right."""
    box = canvas.box(["lung"], 0.0)
    lung = canvas.labels[box] == label("lung")
    if not lung.any():
        return
    z, y, x = coordinates(canvas.grid, box)
    heights = np.array([body.frame.height(float(h)) for h in z.ravel()])
    middle = body.frame.forward(np.stack([heights, 0 * heights, 0 * heights], -1))
    left = x > middle[:, 2].reshape(-1, 1, 1).astype(np.float32)
    total = body.person.volumes_ml["lungs"]
    for side, half in (("left", left), ("right", ~left)):
        mine = lung & half
        key = f"lung_lower_lobe_{side}"
        oblique = OBLIQUE[0] * z - OBLIQUE[1] * y + 0 * x
        canvas.claim(key, box, oblique, mine, LOBES[key] * total, (-1e4, 1e4))
        rest = canvas.labels[box] == label("lung")
        upper = f"lung_upper_lobe_{side}"
        if side == "right":
            flat = -z + 0.15 * y + np.float32(0) * x
            canvas.claim(upper, box, flat, rest & half, LOBES[upper] * total, (-1e4, 1e4))
        last = upper if side == "left" else "lung_middle_lobe_right"
        canvas.labels[box][half & (canvas.labels[box] == label("lung"))] = label(last)
