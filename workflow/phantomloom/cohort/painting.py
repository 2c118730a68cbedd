"""A person's label map: the order of precedence, and what fills the rest."""

import numpy as np
from scipy import ndimage

from phantomloom.cohort.abdomen import paint_behind, paint_front
from phantomloom.cohort.bowel import paint_large_bowel, paint_small_bowel
from phantomloom.cohort.build import Body, body
from phantomloom.cohort.canvas import Canvas
from phantomloom.cohort.chest import paint_airways, paint_lungs, paint_plexus
from phantomloom.cohort.envelope import (
    ARM,
    CAVITY_REGION,
    CRANIUM,
    MIDDLE,
    OUTSIDE,
    WALL,
    envelope,
)
from phantomloom.cohort.frame import TABLE_MM
from phantomloom.cohort.girdles import paint_limb_bones
from phantomloom.cohort.head import paint_head
from phantomloom.cohort.heart import paint_heart
from phantomloom.cohort.pelvis import BREAST, BREAST_HALF, paint_breasts, paint_nodes, paint_pelvis
from phantomloom.cohort.people import Person
from phantomloom.cohort.ribcage import paint_ribcage
from phantomloom.cohort.sculptor import SIDES
from phantomloom.cohort.shapes import union
from phantomloom.cohort.spine import paint_spine
from phantomloom.cohort.trunk_muscles import paint_muscles
from phantomloom.cohort.unnamed import named
from phantomloom.cohort.vessels import paint_vessels
from phantomloom.materials import material
from phantomloom.structures import by_id, label
from phantomloom.volume import Triple, Volume

LEVELS_MM = 4.0  # grid on which the levels of a person are sought for a partial view
MUSCLE_MM = (-12.0, 14.0)  # by how much the lean outline may move to hold the muscle's volume
FAT_MM = (2.5, 75.0)  # thickness of the fat under the skin, where it is thickest
SCALP = 1690.0  # reference height from which on the head has no muscle
UNDER_SKIN = ("subcutaneous_fat", "muscles", "body", "face", "lips")
FAT_F = {800: 1.05, 930: 1.15, 1060: 1.0, 1200: 0.75, 500: 0.55, 300: 0.5}  # of women
ARM_FAT = 0.4  # the same of the arms
ARM_BLEND_MM = 30.0  # width over which the arm's fat becomes the trunk's
FAT = {  # relative thickness of the subcutaneous fat by reference height
    **{0: 0.2, 90: 0.25, 300: 0.45, 500: 0.45, 800: 0.8, 930: 1.05, 1060: 1.0, 1200: 0.85},
    **{1340: 0.65, 1440: 0.6, 1500: 0.45, 1560: 0.35, 1620: 0.25, 1760: 0.2},
}


def labels(person: Person, spacing_mm: float | Triple = 3.0) -> Volume:
    """Return the whole person, uint8 ids of the structure table; nothing overlaps."""
    return paint(person, whole_grid(person, spacing_mm))[0]


def levels(person: Person, spacing_mm: float = LEVELS_MM) -> dict[str, float]:
    """Return the levels at which structures hold their volumes, for ``paint``."""
    return paint(person, whole_grid(person, spacing_mm))[1]


def whole_grid(person: Person, spacing_mm: float | Triple) -> Volume:
    """Return an empty grid that holds the person from heels to vertex or fingertips."""
    frame = body(person)
    top = 2185.0 if person.arms == "up" else 1765.0
    corners = [
        f.forward(np.array([z, y, x]))
        for f in (frame.frame, frame.arm_frame)
        for z in (0, 800, 1100, 1410, top if f is frame.arm_frame else 1765)
        for y in (-175 if z == 0 else -125 - max(0, person.belly_mm), 120)
        for x in (-200, 200)
    ]
    wide = 0 if person.arms == "up" else 60
    fat = 35 + 3.5 * max(0.0, person.weight_kg / (person.height_cm / 100) ** 2 - 24)
    low, high = np.min(corners, 0), np.max(corners, 0)
    low -= (8, 10 + fat, fat + wide)
    high += (12, 25 + fat, fat + wide)
    step = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    z, y, x = (int(n) for n in np.ceil((high - low) / step))
    origin = np.round(low)
    return Volume(
        np.zeros((z, y, x), np.uint8),
        (float(step[0]), float(step[1]), float(step[2])),
        (float(origin[0]), float(origin[1]), float(origin[2])),
    )


def paint(
    person: Person, grid: Volume, given: dict[str, float] | None = None
) -> tuple[Volume, dict[str, float]]:
    """Return the labels of ``person`` on ``grid`` (zeros) and the levels, found unless given."""
    painted, found = drawn(person, grid, given)
    return grid.with_array(named(painted.array)), found


def drawn(
    person: Person, grid: Volume, given: dict[str, float] | None = None
) -> tuple[Volume, dict[str, float]]:
    """Return what ``paint`` does, with the ids of ``unnamed``, which a CT tells apart."""
    frame = body(person)
    canvas = Canvas(grid, envelope(frame, grid), given)
    paint_spine(frame, canvas)
    paint_ribcage(frame, canvas)
    paint_head(frame, canvas)
    paint_limb_bones(frame, canvas)
    paint_airways(frame, canvas)
    paint_vessels(frame, canvas)
    paint_heart(frame, canvas)
    paint_nodes(frame, canvas)
    paint_muscles(frame, canvas)
    paint_lungs(frame, canvas)
    paint_pelvis(frame, canvas)
    paint_plexus(frame, canvas)
    paint_behind(frame, canvas)
    paint_large_bowel(frame, canvas)
    paint_front(frame, canvas)
    paint_small_bowel(frame, canvas)
    paint_breasts(frame, canvas, OUTSIDE)
    _fill(frame, canvas)
    return canvas.grid, canvas.levels


def _fill(frame: Body, canvas: Canvas) -> None:
    """Give the rest to fat and muscle, then cover all with fat until the weight is right."""
    regions, distance = canvas.envelope.regions, canvas.envelope.distance_mm
    free = canvas.labels == 0
    canvas.labels[free & (regions & (CAVITY_REGION | MIDDLE) != 0)] = label("visceral_fat")
    canvas.labels[free & (regions == CRANIUM)] = label("body")
    muscles = [row.name for row in by_id().values() if row.tissue == "muscle"]
    used = sum(canvas.volume_ml(name) for name in muscles)
    free = (canvas.labels == 0) & (regions & (WALL | OUTSIDE) != 0)
    head = (_heights(frame, canvas.grid) > SCALP)[:, None, None] & (regions & ARM == 0)
    free &= ~head
    whole = (slice(None), slice(None), slice(None))
    target = max(1.0, frame.person.volumes_ml["muscle"] - used)
    canvas.claim("muscles", whole, distance, free, target, MUSCLE_MM, specks=True)
    cover = _cover(frame, canvas)
    lacking_g = 1000 * frame.person.weight_kg - _mass_g(canvas)
    target = max(1.0, lacking_g / material("adipose").density_g_cm3)
    canvas.claim("subcutaneous_fat", whole, cover, canvas.labels == 0, target, FAT_MM, specks=True)
    soft = np.isin(named(np.arange(256)), [0, *(label(name) for name in UNDER_SKIN)])
    bare = ndimage.binary_dilation(~soft[canvas.labels]) & (canvas.labels == 0)
    canvas.labels[_rim(canvas.labels) & soft[canvas.labels]] = label("skin")
    canvas.labels[bare] = label("skin")  # where a bone comes near the surface


def _cover(frame: Body, canvas: Canvas) -> np.ndarray:
    """Return the distance to lean outline and breasts, over the fat's relative thickness."""
    at = _heights(frame, canvas.grid)
    profile = FAT | (FAT_F if frame.person.has_womans_frame else {})
    knots = sorted(profile)
    relative = np.interp(at, knots, [profile[z] for z in knots]).astype(np.float32)
    muscle = canvas.levels["muscles"]
    cover = canvas.envelope.distance_mm - np.float32(muscle)
    np.maximum(cover, 0, out=cover)
    for side in SIDES:
        grown = canvas.levels.get(f"breast_{side}", 0.0)
        if grown < 0.1 or frame.person.sex == "M":
            continue
        mound = [frame.bones.blob(BREAST, [grown * h + 6 for h in BREAST_HALF], side=SIDES[side])]
        box, gauge = union(mound, canvas.grid, 1.5)
        np.minimum(cover[box], np.maximum(gauge - 1, 0) * 130, out=cover[box])
    arm = (canvas.envelope.regions & ARM != 0).astype(np.float32)
    width = [round(ARM_BLEND_MM / mm) | 1 for mm in canvas.grid.spacing_mm]
    arm = ndimage.uniform_filter(arm, width, mode="nearest")
    share = relative[:, None, None]
    arm *= ARM_FAT - share  # in place: these are the largest arrays of all
    arm += share
    cover /= arm
    return cover


def _heights(frame: Body, grid: Volume) -> np.ndarray:
    """Return the reference height of each slice, [Z]."""
    z = grid.origin_mm[0] + grid.spacing_mm[0] * np.arange(grid.array.shape[0])
    return np.interp(z, frame.frame.height_mm, TABLE_MM)


def _rim(inside: np.ndarray) -> np.ndarray:
    """Return the outermost voxels of the body, without those that the grid cuts."""
    filled = inside > 0
    return filled & ~ndimage.binary_erosion(filled, border_value=1)


def _mass_g(canvas: Canvas) -> float:
    counts = np.zeros(256)
    for plane in canvas.labels:  # all at once would be copied as int64
        counts += np.bincount(named(plane).ravel(), minlength=256)
    density = [0.0] * 256
    for number, structure in by_id().items():
        density[number] = material(structure.material).density_g_cm3
    return float(counts @ density * canvas.grid.voxel_ml)
