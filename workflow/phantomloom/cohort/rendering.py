"""From labels to HU on the same grid: cortex and marrow, bowel content, texture, metal."""

import numpy as np
from scipy import ndimage

from phantomloom.cohort.build import body
from phantomloom.cohort.contrast import hounsfield
from phantomloom.cohort.people import Person
from phantomloom.cohort.sculptor import SIDES
from phantomloom.cohort.shapes import Box, Part, coordinates, union
from phantomloom.structures import by_id, label
from phantomloom.volume import Volume

METAL_HU, AIR_HU = 3000.0, -985.0
SPONGY_HU = {  # inside bones, of a healthy young adult; own settings within published ranges
    **{"vertebrae": 190.0, "sacrum": 120.0, "hip": 150.0, "rib": 200.0, "sternum": 120.0},
    **{"skull": 700.0, "mandible": 600.0, "femur": 120.0, "humerus": 110.0, "bones": 120.0},
}
OTHER_SPONGY_HU = 220.0
CORTEX_HU = 1250.0
CORTEX_MM = {"skull": 2.2, "femur": 3.0, "humerus": 2.5, "mandible": 2.2, "bones": 2.2, "hip": 0.8}
OTHER_CORTEX_MM = 0.45
GRAIN_MM = (2.0, 5.0)  # scales of the texture
TEXTURE_HU = {  # standard deviation by tissue
    **{"bone": 70.0, "cartilage": 25.0, "muscle": 14.0, "fat": 10.0, "organ": 9.0, "vessel": 5.0},
    **{"lung": 35.0, "soft": 12.0, "skin": 15.0, "airway": 3.0, "gas": 5.0},
}
ROUGH = {"face": 45.0, "breast_left": 40.0, "breast_right": 40.0, "oral_cavity": 18.0}
VESSEL_SHARE, VESSEL_RISE_HU = 0.05, 550.0  # of the lung
LUNG_SAG_HU_MM = 0.5  # denser to the back of who lies on it
HOLLOW = {"colon": 1.0, "rectum": 0.5, "stomach": 0.4, "small_bowel": 0.04, "duodenum": 0.1}


def render(person: Person, labels: Volume, random: np.random.Generator) -> np.ndarray:
    """Return the noiseless HU of the labels, float32 [Z, Y, X]; outside is air."""
    ids = labels.array
    hu = hounsfield(person)[ids]
    _bones(person, labels, hu)
    _lungs(person, labels, hu, random)
    for name, share in HOLLOW.items():
        _content(person, labels, hu, name, share * person.bowel_gas, random)
    hu += _texture(labels, random)
    box, gauge = union(_larynx(person), labels, 1.0)
    hu[box][(gauge <= 1) & (ids[box] > 0)] = AIR_HU
    for parts in implants(person):
        box, gauge = union(parts, labels, 1.0)
        hu[box][(gauge <= 1) & (ids[box] > 0)] = METAL_HU
    return hu


def _larynx(person: Person) -> list[Part]:
    """Return the airway between throat and trachea, through what has names of its own."""
    line = [(1541, -20, 0), (1528, -26, 0), (1514, -29, 0), (1503, -25, 0)]
    return body(person).bones.tube(line, [5, 4.5, 3.5, 5])


def implants(person: Person) -> list[list[Part]]:
    """Return the shapes of what is metal in the person."""
    frame = body(person)
    tool, result = frame.bones, []
    if person.hip_prosthesis:
        side = SIDES[person.hip_prosthesis]
        head = [tool.blob((930, -2, 92), (17, 17, 17), side=side)]
        stem = [(918, 0, 110), (898, 4, 130), (850, 3, 133), (775, -3, 124)]
        result.append(head + tool.tube(stem, [8, 10, 8, 5], side))
    if person.pacemaker:
        result.append([tool.blob((1395, -88, 88), (24, 5, 22), (0, 0, -14))])
    for tooth in range(person.fillings):
        side, step = (1, -1)[tooth % 2], tooth // 2
        row, level = -54 - 9 * step, (1590, 1574)[step % 2]
        result.append([tool.blob((level, row, 27 - 3 * step), (3.5, 3.5, 3.5), side=side)])
    return result


def _bones(person: Person, labels: Volume, hu: np.ndarray) -> None:
    """Give bones marrow and a rim of voxels that share in the cortex, two where it is thick."""
    step = labels.spacing_mm[2]
    spongy, rim = np.zeros(256, np.float32), np.zeros(256, np.float32)
    bone, thick = np.zeros(256, bool), np.zeros(256, bool)
    for i, structure in by_id().items():
        stem = structure.name.split("_")[0]
        mm = CORTEX_MM.get(stem, OTHER_CORTEX_MM)
        bone[i], thick[i] = structure.tissue == "bone", mm > 1.5 * step
        share = min(1.0, mm / (2 * step if thick[i] else step))
        spongy[i] = SPONGY_HU.get(stem, OTHER_SPONGY_HU) * person.bone_quality
        rim[i] = spongy[i] + (CORTEX_HU * (0.6 + 0.4 * person.bone_quality) - spongy[i]) * share
    mask = bone[labels.array]
    inner = mask & _surrounded(labels.array)
    deep = ndimage.binary_erosion(inner, border_value=1)
    edge = mask & ~np.where(thick[labels.array], deep, inner)
    np.copyto(hu, spongy[labels.array], where=mask)
    np.copyto(hu, rim[labels.array], where=edge)


def _surrounded(ids: np.ndarray) -> np.ndarray:
    """Return the voxels whose neighbours have the same id; beyond the grid all do."""
    same = np.ones(ids.shape, bool)
    for axis in range(ids.ndim):
        ahead, behind = (np.moveaxis(same, axis, 0)[part] for part in (np.s_[1:], np.s_[:-1]))
        along = np.moveaxis(ids, axis, 0)
        equal = along[1:] == along[:-1]
        ahead &= equal
        behind &= equal
    return same


def _lungs(person: Person, labels: Volume, hu: np.ndarray, random: np.random.Generator) -> None:
    """Let lungs sag, thin out with breath, and hold vessels."""
    box, lung = _masked(labels, "lung")
    if lung is None:
        return
    _, y, _ = coordinates(labels, box)
    hu[box] += np.where(lung, LUNG_SAG_HU_MM * y - 120 * (person.breath - 0.5), 0)
    web = _noise(lung.shape, labels, 1.8, random)
    hu[box] += VESSEL_RISE_HU * (lung & (web > np.quantile(web[lung], 1 - VESSEL_SHARE)))


def _content(
    person: Person,
    labels: Volume,
    hu: np.ndarray,
    name: str,
    gas: float,
    random: np.random.Generator,
) -> None:
    """Fill a hollow organ: a wall of one voxel, gas in front (who lies has it there), the rest."""
    box, mask = _masked(labels, name)
    if mask is None:
        return
    lumen = ndimage.binary_erosion(mask, border_value=1)
    if not lumen.any():
        return
    _, y, _ = coordinates(labels, box)
    size = [max(3, round(36 / mm)) for mm in labels.spacing_mm]
    weight = ndimage.uniform_filter(mask.astype(np.float32), size)
    middle = ndimage.uniform_filter(mask * y, size) / np.maximum(weight, 1e-3)
    front = (middle - y) / 12 + _noise(mask.shape, labels, 14.0, random)
    is_gas = lumen & (front > np.quantile(front[lumen], 1 - gas))
    solid = name in ("colon", "rectum")
    grain = _noise(mask.shape, labels, 3.0, random)
    content = person.stool_hu + 45 * grain if solid else 18 + 12 * grain
    inside = hu[box]
    inside[lumen] = content[lumen]
    inside[is_gas] = -960


def _texture(labels: Volume, random: np.random.Generator) -> np.ndarray:
    """Return zero-mean noise of two scales with each structure's amplitude."""
    amplitude = np.full(256, TEXTURE_HU["soft"], np.float32)
    amplitude[0] = 0
    for number, structure in by_id().items():
        amplitude[number] = ROUGH.get(structure.name, TEXTURE_HU[structure.tissue])
    grain = _noise(labels.array.shape, labels, GRAIN_MM[0], random)
    grain += _noise(labels.array.shape, labels, GRAIN_MM[1], random)
    grain *= amplitude[labels.array] / np.sqrt(2)
    return grain


def _noise(
    shape: tuple[int, ...], grid: Volume, scale_mm: float, random: np.random.Generator
) -> np.ndarray:
    """Return smooth noise of unit variance, float32."""
    noise = random.standard_normal(shape, np.float32)
    noise = ndimage.gaussian_filter(noise, [scale_mm / mm for mm in grid.spacing_mm], truncate=3)
    return noise / max(float(noise.std()), 1e-6)


def _masked(labels: Volume, name: str) -> tuple[Box, np.ndarray | None]:
    """Return box and mask of a structure, or of all lobes for "lung"; None if absent.

    The box has a margin, so that the structure ends in it, unless the grid cuts it.
    """
    wanted = np.zeros(256, bool)
    for number, structure in by_id().items():
        wanted[number] = structure.tissue == "lung" if name == "lung" else number == label(name)
    mask = wanted[labels.array]
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return (slice(0, 0), slice(0, 0), slice(0, 0)), None
    z, y, x = (slice(max(0, side.start - 1), side.stop + 1) for side in found[0])
    return (z, y, x), mask[z, y, x]
