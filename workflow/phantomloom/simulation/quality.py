"""Is the simulated CT right? HU per structure against published attenuation data; noise.

What is expected is worked out here from the tables alone (spekpy, xraydb) and from straight
lines summed over the voxels; nothing is shared with spectrum, projector, detector or
calibration, so that an error there shows as a difference.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
import spekpy
import xraydb
from scipy import ndimage

from phantomloom.materials import Material, material
from phantomloom.resample import Grid, nearest
from phantomloom.structures import by_id
from phantomloom.volume import Volume

TERMS = 6  # of a quadratic in two variables
BEYOND = 255  # no structure has this id
POINTS, ANGLES = 6, 36  # lines per structure: their mean moves by under 1 HU with twice as many
HOMOGENEOUS = ("organ", "muscle", "vessel")  # tissues in which noise is measured
SMALLEST_RADIUS_MM, LARGEST_RADIUS_MM = 7.0, 20.0  # of the ball in which noise is measured


def report(
    labels: Volume,
    source: Volume,
    simulated: Mapping[str, Volume],
    facts: Mapping[str, Any],
    protocol: Mapping[str, Any],
    erosion_mm: float,
) -> dict[str, Any]:
    """Return what quality.json says about structures and noise.

    ``simulated`` is a volume per kernel, ``facts`` what ``scan`` tells of them, ``source`` the scan
    that ``labels`` came from. What lies beyond the scan field does not count.
    """
    ct = next(iter(simulated.values()))
    depth = np.minimum(depth_mm(labels), _field_mm(labels, ct, facts))
    inside = labels.with_array(labels.array * (depth > erosion_mm))
    covered = _within(inside, ct)
    expected = expected_hu(labels, covered, protocol["tube"], protocol["detector"])
    depth -= np.float32(erosion_mm)
    measured = noise(covered, depth, simulated)
    del depth  # 1 GB of a large scan, not needed while grids are compared
    structures = compare(covered, source, simulated, expected)
    return {"structures": structures, "noise": measured}


def depth_mm(labels: Volume) -> np.ndarray:
    """Return the distance of each voxel to the nearest that touches another label, or the border.

    Centre to centre, float32 [Z, Y, X]; 0 in the voxels that touch.
    """
    padded = np.pad(labels.array, 1, constant_values=BEYOND)
    touching = np.zeros(padded.shape, np.uint8)
    for axis in range(3):
        a, b = np.moveaxis(padded, axis, 0), np.moveaxis(touching, axis, 0)
        differs = a[1:] != a[:-1]
        b[1:] |= differs
        b[:-1] |= differs
    image = sitk.GetImageFromArray(touching)
    image.SetSpacing(labels.spacing_mm[::-1])
    away = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    return np.maximum(sitk.GetArrayViewFromImage(away)[1:-1, 1:-1, 1:-1], np.float32(0))


def expected_hu(
    labels: Volume, inside: Volume, tube: Mapping[str, Any], detector: Mapping[str, Any]
) -> dict[int, float]:
    """Return per label in ``inside`` the HU that the tables promise behind the body around it.

    1000 (mu / mu_water - 1), both averaged over the spectrum that is detected behind the
    water-equivalent path of axial lines through the structure, then over points and lines.
    There is no single expected HU: cortical bone at 120 kVp is 1779 behind 10 cm of water and
    1424 behind 40 cm.
    """
    energy_kev, detected = _open_beam(tube, detector)
    water = _mu_per_mm(material("water"), energy_kev)
    names = {index: by_id()[index].material for index in np.unique(labels.array) if index}
    mu = {name: _mu_per_mm(material(name), energy_kev) for name in set(names.values())}
    relative = np.zeros(256)
    for index, name in names.items():
        relative[index] = np.average(mu[name] / water, weights=detected * np.exp(-200 * water))
    result = {}
    for index, places in _places(inside.array):
        path = _water_paths_mm(labels, places, relative)
        behind = detected * np.exp(-np.outer(path, water))
        hu = 1000 * ((behind @ mu[names[index]]) / (behind @ water) - 1)
        result[index] = float(hu.mean())
    return result


def statistics(inside: Volume, ct: Volume) -> dict[int, dict[str, float]]:
    """Return mean, SD and number of the voxels of ``ct`` by label of ``inside``, on one grid."""
    label, hu = inside.array[inside.array > 0], ct.array[inside.array > 0].astype(float)
    count = np.bincount(label, minlength=256)
    mean = np.bincount(label, hu, 256) / np.maximum(count, 1)
    spread = np.bincount(label, (hu - mean[label]) ** 2, 256) / np.maximum(count, 1)
    return {
        int(index): {
            "mean": round(float(mean[index]), 2),
            "sd": round(float(np.sqrt(spread[index])), 2),
            "voxels": int(count[index]),
        }
        for index in np.flatnonzero(count)
    }


def compare(
    inside: Volume,
    source: Volume,
    simulated: Mapping[str, Volume],
    expected: Mapping[int, float],
) -> list[dict[str, Any]]:
    """Return a row per structure: expected HU, and mean and SD in the simulated and source CT."""
    before = statistics(inside, source)
    after = {name: statistics(nearest(inside, Grid.of(ct)), ct) for name, ct in simulated.items()}
    return [
        {
            "id": index,
            "name": by_id()[index].name,
            "material": by_id()[index].material,
            "expected_hu": round(expected[index], 1),
            "source_hu": before[index],
            "simulated_hu": {name: found[index] for name, found in after.items()},
        }
        for index in before
        if all(index in found for found in after.values())
    ]


def noise(
    inside: Volume, depth: np.ndarray, simulated: Mapping[str, Volume]
) -> dict[str, Any] | None:
    """Return the SD in the largest ball that fits into one soft structure, or None without one.

    Nor is there one where voxels are so coarse that a ball of LARGEST_RADIUS_MM holds few.

    ``depth`` is the largest radius, mm, of a ball around each voxel. Each slice is taken about a
    quadratic of its own, so that shading by beam hardening does not count.
    """
    soft = np.zeros(256, bool)
    soft[[index for index, row in by_id().items() if row.tissue in HOMOGENEOUS]] = True
    room = np.where(soft[inside.array], depth, np.float32(0))
    coarsest = max(max(ct.spacing_mm) for ct in simulated.values())
    if min(room.max(), LARGEST_RADIUS_MM) < max(SMALLEST_RADIUS_MM, 3 * coarsest):
        return None
    place = np.unravel_index(room.argmax(), room.shape)
    index, radius_mm = int(inside.array[place]), min(float(room[place]), LARGEST_RADIUS_MM)
    centre_mm = [
        float(o + mm * n)
        for o, mm, n in zip(inside.origin_mm, inside.spacing_mm, place, strict=True)
    ]
    return {
        "structure": by_id()[index].name,
        "centre_zyx_mm": [round(mm, 2) for mm in centre_mm],
        "radius_mm": round(radius_mm, 2),
        "sd_hu": {
            name: round(_sd_in_ball(ct, centre_mm, radius_mm), 2) for name, ct in simulated.items()
        },
    }


def _sd_in_ball(ct: Volume, centre_mm: list[float], radius_mm: float) -> float:
    away = [
        o + mm * np.arange(n) - c
        for o, mm, n, c in zip(ct.origin_mm, ct.spacing_mm, ct.array.shape, centre_mm, strict=True)
    ]
    ball = away[0][:, None, None] ** 2 + away[1][:, None] ** 2 + away[2] ** 2 <= radius_mm**2
    left, free = 0.0, 0
    for z in np.flatnonzero(ball.sum((1, 2)) > 2 * TERMS):
        y, x = (
            side[index] / radius_mm
            for side, index in zip(away[1:], np.nonzero(ball[z]), strict=True)
        )
        terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
        hu = ct.array[z][ball[z]].astype(float)
        left += float(((hu - terms @ np.linalg.lstsq(terms, hu)[0]) ** 2).sum())
        free += len(hu) - TERMS
    return (left / free) ** 0.5


def _water_paths_mm(labels: Volume, places: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """Return the water-equivalent length of axial lines through some of ``places``, [lines]."""
    z, y, x = places[np.linspace(0, len(places) - 1, POINTS + 2).astype(int)[1:-1]].T
    angle = np.pi * np.arange(ANGLES) / ANGLES
    _, dy, dx = labels.spacing_mm
    step = min(dy, dx) / 2
    reach = np.hypot(*labels.extent_mm[1:])
    along = np.arange(-reach, reach, step)
    rows = np.rint(y[:, None, None] + np.sin(angle)[:, None] * along / dy).astype(int)
    columns = np.rint(x[:, None, None] + np.cos(angle)[:, None] * along / dx).astype(int)
    _, height, width = labels.array.shape
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    hit = labels.array[
        z[:, None, None], np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    ]
    return ((relative[hit] * within).sum(-1) * step).ravel()


def _open_beam(
    tube: Mapping[str, Any], detector: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return energies and what the scintillator makes of the open beam there (energy absorbed)."""
    source = spekpy.Spek(kvp=tube["tube_voltage_kv"], th=tube["anode_angle_deg"], dk=1.0)
    for element, mm in tube["filtration_mm"].items():
        source.filter(element, mm)
    energy_kev, photons = source.get_spectrum(edges=False)
    per_cm = sum(
        xraydb.material_mu(
            detector["scintillator"], energy_kev * 1000, detector["density_g_cm3"], kind=kind
        )
        for kind in ("photo", "incoh")
    )
    return energy_kev, photons * energy_kev * (1 - np.exp(-per_cm * detector["thickness_mm"] / 10))


def _mu_per_mm(matter: Material, energy_kev: np.ndarray) -> np.ndarray:
    parts = [
        fraction * xraydb.mu_elam(xraydb.atomic_symbol(z), energy_kev * 1000, kind="total")
        for z, fraction in matter.mass_fractions.items()
    ]
    return np.sum(parts, axis=0) * matter.density_g_cm3 * 0.1


def _within(labels: Volume, ct: Volume) -> Volume:
    """Return ``labels`` without the slices that ``ct`` does not reach."""
    z = labels.origin_mm[0] + labels.spacing_mm[0] * np.arange(labels.array.shape[0])
    low = ct.origin_mm[0] - ct.spacing_mm[0] / 2
    seen = (z > low) & (z < low + ct.extent_mm[0])
    return labels.with_array(labels.array * seen[:, None, None])


def _field_mm(labels: Volume, ct: Volume, facts: Mapping[str, Any]) -> np.ndarray:
    """Return how far each column lies inside the circle that ``ct`` shows, [Y, X]."""
    if facts["truncated_mm"] <= 0:
        return np.full(labels.array.shape[1:], np.inf, np.float32)
    y, x = (
        labels.origin_mm[axis] + labels.spacing_mm[axis] * np.arange(labels.array.shape[axis]) - c
        for axis, c in zip((1, 2), facts["isocentre_yx_mm"], strict=True)
    )
    radius_mm = facts["reconstructed_radius_mm"] - max(ct.spacing_mm[1:])
    return np.asarray(radius_mm - np.hypot(y[:, None], x), np.float32)


def _places(labels: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    """Yield each label and the indices (z, y, x) of its voxels, [N, 3]."""
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            corner = [side.start for side in box]
            yield index, np.argwhere(labels[box] == index) + corner
