"""Organs of the upper abdomen and behind the peritoneum, each with its target volume."""

from phantomloom.cohort.build import Body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.chest import pushed
from phantomloom.cohort.envelope import CAVITY_REGION, MIDDLE
from phantomloom.cohort.sculptor import SIDES

ABDOMEN = CAVITY_REGION | MIDDLE
DUODENUM = (
    (1164, -38, -22), (1170, -20, -42), (1150, -2, -50), (1118, 0, -48), (1100, -4, -26),
    (1102, -10, 6), (1124, -18, 28),
)  # fmt: skip
DUODENUM_SHARE = 0.08  # of the small intestine's mass; own setting


def paint_behind(body: Body, canvas: Canvas) -> None:
    """Paint kidneys, adrenals, portal vein, duodenum and pancreas: the back of the abdomen."""
    _paint_paired(body, canvas)
    _paint_middle(body, canvas)


def paint_front(body: Body, canvas: Canvas) -> None:
    """Paint spleen, gallbladder, stomach and liver."""
    _paint_left(body, canvas)
    _paint_liver(body, canvas)


def _paint_paired(body: Body, canvas: Canvas) -> None:
    tool, volumes = pushed(body, canvas), body.person.volumes_ml
    for side, sign in SIDES.items():
        low = 0 if side == "left" else -16
        if side in body.person.kidneys:
            middle = (1162 + low, 38, 62)
            sinus = tool.blob((1162 + low, 27, 49), (19, 9, 13), (40, 0, 0), sign)
            canvas.paint("visceral_fat", [sinus], ABDOMEN)
            if side in body.person.cysts:
                cyst = [tool.blob((1130 + low, 40, 88), (12, 12, 12), side=sign)]
                canvas.paint(f"kidney_cyst_{side}", cyst, ABDOMEN)
            bean = [tool.blob(middle, (57, 24, 31), (40, -10, 0), sign)]
            canvas.paint(f"kidney_{side}", bean, ABDOMEN, volumes["kidney"], 1.6)
        top = 1226 if side == "left" else 1216
        stem = [(top, 24, 37), (top - 10, 22, 36), (top - 18, 20, 35)]
        legs = [[(top, 24, 37), (top - 24, 36, 40)], [(top, 24, 37), (top - 24, 30, 28)]]
        parts = [part for line in (stem, *legs) for part in tool.tube(line, 6.5, sign)]
        canvas.paint(f"adrenal_gland_{side}", parts, ABDOMEN, volumes["adrenal_gland"], 2.0)


def _paint_middle(body: Body, canvas: Canvas) -> None:
    tool, volumes = pushed(body, canvas), body.person.volumes_ml
    portal = [(1150, -26, -6), (1172, -26, -12), (1196, -28, -34), (1208, -28, -52)]
    splenic = [(1170, -25, -10), (1180, -22, 20), (1196, 6, 58), (1214, 28, 86)]
    parts = tool.tube(portal, [6, 7.5, 7.5, 6]) + tool.tube(splenic, [5.5, 5, 4.5, 4])
    canvas.paint("portal_vein_and_splenic_vein", parts, ABDOMEN)
    radii = [11, 12, 12, 12, 11.5, 11, 10]
    share = DUODENUM_SHARE * volumes["small_intestine"]
    canvas.paint("duodenum", tool.tube(DUODENUM, radii), ABDOMEN, share, 1.6)
    gland = [(1126, -20, -28), (1150, -24, -26), (1168, -36, -6), (1176, -34, 18), (1190, -6, 54)]
    parts = tool.tube([*gland, (1204, 22, 80)], [18, 20, 16, 14, 14, 12])
    canvas.paint("pancreas", parts, ABDOMEN, volumes["pancreas"], 1.7)


def _paint_left(body: Body, canvas: Canvas) -> None:
    tool, volumes = pushed(body, canvas), body.person.volumes_ml
    spleen = [tool.blob((1228, 44, 106), (57, 44, 28), (38, 8, -25))]
    canvas.paint("spleen", spleen, ABDOMEN, volumes["spleen"], 1.9)
    bag = [tool.blob((1166, -58, -48), (30, 17, 16), (0, 0, -25))]
    canvas.paint("gallbladder", bag, ABDOMEN, volumes["gallbladder"], 2.0)
    sag = body.person.style.stomach_drop
    curve = [(1262, 12, 62), (1240, -6, 70), (1210 - sag, -40, 70), (1178 - sag, -62, 48)]
    curve += [(1158 - 0.8 * sag, -66, 16), (1164, -52, -12), (1165, -44, -20)]
    parts = tool.tube(curve, [29, 31, 28, 25, 20, 13, 10])
    canvas.paint("stomach", parts, ABDOMEN, volumes["stomach"], 1.9)


def _paint_liver(body: Body, canvas: Canvas) -> None:
    """Paint the liver: a wedge under the right dome with a left lobe before the stomach."""
    tool, reach = pushed(body, canvas), body.person.style.left_lobe
    parts = [
        tool.blob((1225, -2, -74), (88, 90, 62), (0, 8, 0)),
        tool.blob((1250, -42, -18), (48, 58, 66 * reach), (10, 12, 0)),
        tool.blob((1190, -8, -98), (68, 62, 34)),
    ]
    canvas.paint("liver", parts, ABDOMEN, body.person.volumes_ml["liver"], 1.8)
