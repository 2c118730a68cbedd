"""What HU and position alone tell: where the body ends, and which tissue lies where inside it."""

from math import ceil

import numpy as np
from scipy import ndimage

from phantomloom.scan import OUTSIDE_HU
from phantomloom.structures import by_id, label, structures
from phantomloom.volume import Volume

BODY_HU = -400  # between clothes and foam (below -700 even at 3 mm) and fat (-100)
AIR_HU = -950  # lungs lie above, gas and the room below
ROOM_HU = -925  # the same at the sides of the grid, where cushions and sheets lie in the room
LUNG_HU = -300  # halfway between lung and soft tissue
FAT_HU = (-190, -30)  # Aubrey et al., Acta Physiol 2014; as in most body composition work
BONE_HU = 180  # above muscle and unenhanced organs, below spongy bone at 3 mm
CORTEX_HU = 400  # every bone has such a voxel somewhere
CONTRAST_MM = 4.0  # vessels and heart chambers of twice this radius are told from bone
CONTRAST_HU = 700  # blood after injection is seldom brighter; thick cortex is
CONTRAST_RISE_HU = 120  # nothing within 4 mm of an even voxel in blood is brighter by more
MARROW_MM = 6.0  # half the width of the marrow that closing fills

SURFACE_MM = 3.0  # grid on which the surface is sought; the scan's own voxels then refine it
PLATE_MM = 6.0  # a plate, wire or tube thinner than twice this is not the body
PART_FRACTION = 0.01  # of the largest part: a smaller separate part is not a limb
POCKET_CM2 = 10.0  # in a slice, an enclosed pocket of air below this area is no lung
POCKET_DEPTH_MM = 15.0  # it is throat if deeper than this, else a gap between arm and trunk
SKIN_MM = 2.0  # ICRP 110: 1.5 to 2 mm; at least one voxel
ENVELOPE_MM = 20.0  # gaps in the muscle wall that the envelope bridges
VISCERAL_DEPTH_MM = 10.0  # fat nearer to the surface is subcutaneous, also between arm and trunk
CAVITY_MM = 30.0  # half the gap between organs whose lean tissue is no muscle
WALL_MM = 20.0  # in the trunk, lean tissue this near to the envelope's outside or to bone is muscle
SLAB = 48  # slices that are looked at together where a whole scan would take too much memory


def body_surface(ct: Volume) -> np.ndarray:
    """Return which voxels lie inside the skin, bool [Z, Y, X]; couch, clothes, wires do not.

    The parts of the body are what survives an opening, so a couch that touches the back is cut
    off; air belongs to the body where it cannot reach the sides of the grid, so lungs cut by the
    upper or lower end of the scan stay inside.

    Raises:
        ValueError: if nothing in ``ct`` is as large and dense as a body.
    """
    coarse, factors = _coarse(ct)
    solid = _parts(coarse.array > BODY_HU, coarse)
    inside = _fill(solid, coarse)
    if not inside.any():
        raise ValueError(f"no body: nothing thicker than {2 * PLATE_MM:g} mm above {BODY_HU} HU")
    core, reach = ndimage.binary_erosion(inside, border_value=1), ndimage.binary_dilation(inside)
    shape = ct.array.shape
    rim = _enlarge(reach, factors, shape) & (ct.array > BODY_HU)
    return _enlarge(core, factors, shape) | rim


def tissues(ct: Volume, inside: np.ndarray, organs: np.ndarray | None = None) -> np.ndarray:
    """Return a tissue of the body model (ids, uint8 [Z, Y, X]) for every voxel inside; 0 outside.

    ``organs`` (ids or 0) is trusted where it speaks: its bones are bones, its muscles muscles,
    its lungs lung, its airways gas, all else soft tissue.
    """
    box = _box(inside)
    cropped = Volume(ct.array[box], ct.spacing_mm)
    known = None if organs is None else _tissue_of()[organs[box]]
    result = np.zeros(ct.array.shape, np.uint8)
    result[box] = _tissues(cropped, inside[box], known)
    return result


def _tissues(ct: Volume, inside: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    known = np.zeros(inside.shape, np.uint8) if known is None else known * inside
    hu = ct.array
    gas, lung = _air((hu < LUNG_HU) & inside & (known == 0), known == label("lung"), ct)
    bone = _bone(hu, inside & (known == 0), ct) | (known == label("bones"))
    fat = inside & (hu >= FAT_HU[0]) & (hu <= FAT_HU[1])
    beneath = inside | (hu == OUTSIDE_HU)  # where the scan ends the body has no surface
    depth_mm = _near_surface_mm(beneath, ct)
    skin = inside & ((depth_mm <= SKIN_MM) | ~ndimage.binary_erosion(beneath, border_value=1))
    envelope = _envelope(inside & ~fat & ~skin, ct) & (depth_mm > VISCERAL_DEPTH_MM)
    lean = inside & (hu > FAT_HU[1]) & (hu < BONE_HU)
    viscera = (known == label("body")) | (known == label("lung")) | lung
    muscle = lean & _muscular(envelope | ~inside, bone, viscera, ct)
    layers = {  # later ones lie above earlier ones
        "body": inside,
        "muscles": muscle,
        "subcutaneous_fat": fat & ~envelope,
        "visceral_fat": fat & envelope,
        "bones": bone,
        "lung": lung,
        "gas": gas,
    }
    result = np.zeros(inside.shape, np.uint8)
    for name, mask in layers.items():
        result[mask] = label(name)
    np.copyto(result, known, where=known > 0)
    result[skin] = label("skin")
    return result


def _coarse(ct: Volume) -> tuple[Volume, tuple[int, ...]]:
    """Return ``ct`` averaged over whole blocks of voxels of at most about SURFACE_MM."""
    factors = tuple(max(1, round(SURFACE_MM / mm)) for mm in ct.spacing_mm)
    if max(factors) == 1:
        return ct, factors
    padding = [(0, -n % f) for n, f in zip(ct.array.shape, factors, strict=True)]
    padded = np.pad(ct.array, padding, mode="edge")
    for axis, factor in enumerate(factors):
        shape = (*padded.shape[:axis], -1, factor, *padded.shape[axis + 1 :])
        padded = padded.reshape(shape).mean(axis + 1, dtype=np.float32)
    z, y, x = (f * mm for f, mm in zip(factors, ct.spacing_mm, strict=True))
    return Volume(padded, (z, y, x)), factors


def _enlarge(mask: np.ndarray, factors: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    for axis, factor in enumerate(factors):
        mask = mask.repeat(factor, axis).take(range(shape[axis]), axis)
    return mask


def _parts(solid: np.ndarray, ct: Volume) -> np.ndarray:
    """Return trunk and limbs among ``solid``: thick, large, neither before nor behind it."""
    thick = _grown(solid & (_depth_mm(solid, ct) > PLATE_MM), PLATE_MM, ct) & solid
    parts, _ = ndimage.label(thick)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    if not sizes.any():
        return thick
    _, y, _ = np.nonzero(parts == sizes.argmax())
    front, back = np.percentile(y, (1, 99))
    keep = sizes >= PART_FRACTION * sizes.max()
    for part, box in enumerate(ndimage.find_objects(parts), 1):
        middle = (box[1].start + box[1].stop) / 2
        keep[part] &= front <= middle <= back
    return _grown(keep[parts], PLATE_MM / 2, ct) & solid


def _fill(solid: np.ndarray, ct: Volume) -> np.ndarray:
    """Return ``solid`` with the air that belongs to it: all that cannot reach the sides.

    Where the airways connect the lungs with the room, each slice of lung (large, above AIR_HU)
    and each deep, small pocket (throat) counts by itself.
    """
    air, _ = ndimage.label(~solid)
    at_sides = np.zeros_like(air)  # the whole of a part would not do: the room may join the lungs
    at_sides[:, [0, -1]], at_sides[:, :, [0, -1]] = air[:, [0, -1]], air[:, :, [0, -1]]
    sides = np.unique(at_sides[at_sides > 0])
    medians = ndimage.median(ct.array, at_sides, sides) if len(sides) else []
    room = [part for part, hu in zip(sides, medians, strict=True) if hu < ROOM_HU]
    filled = ~np.isin(air, room)
    for z, plane in enumerate(filled):
        body = ndimage.binary_fill_holes(plane)
        if (body > plane).any():
            plane |= _pockets(body, body & ~plane, ct.array[z], ct.spacing_mm[1:])
    return filled


def _pockets(body: np.ndarray, holes: np.ndarray, hu: np.ndarray, mm: tuple) -> np.ndarray:
    """Return the ``holes`` of a slice of ``body`` that are lung or throat, no gap under an arm."""
    parts, count = ndimage.label(holes)
    index = np.arange(count + 1)
    large = np.bincount(parts.ravel()) * mm[0] * mm[1] / 100 > POCKET_CM2
    depth_mm = ndimage.minimum(ndimage.distance_transform_edt(body, mm), parts, index)
    lung = ndimage.median(hu, parts, index) > AIR_HU
    keep = np.where(large, lung, depth_mm > POCKET_DEPTH_MM)
    keep[0] = False
    return keep[parts]


def _air(low: np.ndarray, known_lung: np.ndarray, ct: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return gas and lung among the ``low`` voxels.

    Lung is a part of at least 50 ml, or a smaller one beside known lung or cut by the upper end of
    the scan, whose median lies above AIR_HU; within it, what stays below AIR_HU under an opening
    is airway.
    """
    parts, count = ndimage.label(low)
    if not count:
        return low, low
    index, beside = np.arange(count + 1), ndimage.binary_dilation(known_lung) & low
    volume_ml = np.bincount(parts[low], minlength=count + 1) * ct.voxel_ml
    median = ndimage.median(ct.array[low], parts[low], index)
    large = (volume_ml >= 50) | np.isin(index, parts[-1]) & (volume_ml >= 1)
    lung = ((large | np.isin(index, parts[beside])) & (median > AIR_HU))[parts]
    if not lung.any():
        return low, lung
    sigma = [1.5 / mm for mm in ct.spacing_mm]
    smooth = ndimage.gaussian_filter(ct.array, sigma, output=np.float32)
    airway = lung & _opened(lung & (smooth < AIR_HU))
    return low & ~lung | airway, lung & ~airway


def _bone(hu: np.ndarray, where: np.ndarray, ct: Volume) -> np.ndarray:
    """Return bright parts that hold cortex, without contrast medium, their marrow filled."""
    bright = where & (hu > BONE_HU)
    parts, count = ndimage.label(bright & ~_contrast(bright, ct))
    cortex = np.zeros(count + 1, bool)
    cortex[parts[hu > CORTEX_HU]] = True
    bone = cortex[parts] & (parts > 0)
    coarse, factors = _coarse(ct.with_array(bone))
    closed = _closed(coarse.array >= 0.5, MARROW_MM, coarse)
    return bone | _enlarge(closed, factors, bone.shape) & where


def _contrast(bright: np.ndarray, ct: Volume) -> np.ndarray:
    """Return blood with contrast medium: even, and nowhere near brighter than itself (cortex)."""
    coarse, factors = _coarse(ct)
    hu = ndimage.gaussian_filter(coarse.array.astype(np.float32), 2 / np.array(coarse.spacing_mm))
    peak = ndimage.maximum_filter(hu, [max(3, round(8 / mm) | 1) for mm in coarse.spacing_mm])
    even = (hu > BONE_HU) & (hu < CONTRAST_HU) & (peak < hu + CONTRAST_RISE_HU)
    core = even & (_depth_mm(even, coarse) > CONTRAST_MM)
    return _enlarge(_grown(core, 2 * CONTRAST_MM, coarse), factors, bright.shape) & bright


def _envelope(lean: np.ndarray, ct: Volume) -> np.ndarray:
    """Return what the muscle wall encloses: lean tissue without septa, closed and filled.

    Axial slices are filled one by one; a majority along z then mends slices whose wall was open.
    """
    coarse, factors = _coarse(ct.with_array(lean))
    thick = _opened(coarse.array > 0.5)
    closed = np.stack([_closed(plane, ENVELOPE_MM, coarse, fill=True) for plane in thick])
    length = round(ENVELOPE_MM / coarse.spacing_mm[0]) | 1
    share = ndimage.uniform_filter1d(closed.astype(np.float32), length, axis=0, mode="nearest")
    return _enlarge((share > 0.5) | thick, factors, lean.shape)


def _muscular(
    envelope: np.ndarray, bone: np.ndarray, viscera: np.ndarray, ct: Volume
) -> np.ndarray:
    """Return where lean tissue is muscle: near the wall or bone, and not between the organs.

    Slices without any viscera are limbs, whose lean tissue is all muscle.
    """
    coarse, factors = _coarse(ct.with_array(viscera))
    wall, _ = _coarse(ct.with_array(~envelope | bone))
    near = _grown(wall.array > 0.5, WALL_MM, coarse)
    trunk = (coarse.array > 0.5).any(axis=(1, 2), keepdims=True)
    cavity = _closed(coarse.array > 0.5, CAVITY_MM, coarse)
    return _enlarge((near | ~trunk) & ~cavity, factors, bone.shape)


def _near_surface_mm(mask: np.ndarray, ct: Volume) -> np.ndarray:
    """Return ``_depth_mm`` up to VISCERAL_DEPTH_MM, elsewhere more; in a tenth of the memory."""
    margin = ceil(VISCERAL_DEPTH_MM / ct.spacing_mm[0]) + 1
    result = np.full(mask.shape, np.inf, np.float32)
    for z in range(0, len(mask), SLAB):
        low = max(0, z - margin)
        slab = mask[low : z + SLAB + margin]
        if not slab.all():
            result[z : z + SLAB] = _depth_mm(slab, ct)[z - low :][:SLAB]
    return result


def _depth_mm(mask: np.ndarray, ct: Volume) -> np.ndarray:
    """Return how deep each voxel lies in ``mask``; the end of the grid is no surface."""
    return ndimage.distance_transform_edt(mask, ct.spacing_mm).astype(np.float32)


def _grown(mask: np.ndarray, radius_mm: float, ct: Volume) -> np.ndarray:
    near = ndimage.distance_transform_edt(~mask, ct.spacing_mm) <= radius_mm
    return near & mask.any()  # of nothing scipy would measure from a corner


def _closed(mask: np.ndarray, radius_mm: float, ct: Volume, fill: bool = False) -> np.ndarray:
    """Return the closing of ``mask``, [Z, Y, X] or one slice [Y, X], by a ball."""
    mm = ct.spacing_mm[-mask.ndim :]
    pads = [(ceil(radius_mm / step) + 1,) * 2 for step in mm]
    room = np.pad(mask, pads)
    if not mask.any():
        return mask
    grown = ndimage.distance_transform_edt(~room, mm) <= radius_mm
    if fill:
        grown = ndimage.binary_fill_holes(grown)
    closed = ndimage.distance_transform_edt(grown, mm) > radius_mm
    return closed[tuple(slice(low, -high) for low, high in pads)]


def _opened(mask: np.ndarray) -> np.ndarray:
    """Return the opening of ``mask``; the first and the last slice go on beyond the grid."""
    return ndimage.binary_opening(np.pad(mask, ((1, 1), (0, 0), (0, 0)), mode="edge"))[1:-1]


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """Return the bounding box of ``mask`` with a margin, without which its faces had no outside."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)


def _tissue_of() -> np.ndarray:
    """Return the tissue id of each structure id."""
    names = {"bone": "bones", "muscle": "muscles", "lung": "lung", "airway": "gas"}
    result = np.zeros(256, np.uint8)
    for number, structure in by_id().items():
        result[number] = label(names.get(structure.tissue, "body"))
    for row in structures().values():
        if row.model == "body":
            result[row.id] = row.id
    return result
