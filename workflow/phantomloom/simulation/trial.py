"""Trials of the simulator against what physics demands, each a few figures."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from phantomloom.materials import material
from phantomloom.simulation import projector, quality, reconstruction
from phantomloom.simulation.reconstruction import Grid
from phantomloom.simulation.scan import isocentre, machine, phantom_of, scan, use_threads
from phantomloom.structures import by_id
from phantomloom.volume import Volume

CYLINDER_MM, CYLINDER_SLICES = 200.0, 40  # slices of 1 mm: one rotation
SOFT = ("organ", "soft", "muscle", "fat", "vessel", "cartilage")
ENOUGH_VOXELS = 100  # a mean over fewer says more about noise than about HU


class Water(NamedTuple):
    """A water cylinder: HU at its centre, and how much brighter it is near its edge."""

    centre_hu: float
    cupping_hu: float


def water(protocol: Mapping[str, Any]) -> dict[str, Water]:
    """Scan a 20 cm cylinder, which is not the calibrated one; return a row per kernel."""
    return {name: _water(ct) for name, ct in _cylinder_scan(protocol, seed=1).items()}


def noise(protocol: Mapping[str, Any], exposure_mas: float) -> dict[str, float]:
    """Return noise in water, HU, by kernel: SD of the difference of two seeds over sqrt 2.

    Electronic noise is off.
    """
    detector = {**protocol["detector"], "electronic_noise_kev": 0}
    quiet = {**protocol, "detector": detector, "exposure_mas": exposure_mas}
    first, second = (_cylinder_scan(quiet, seed) for seed in (1, 2))
    within = _distance_mm(first["soft"]) < 0.4 * CYLINDER_MM
    differences = {n: first[n].array[:, within] - second[n].array[:, within] for n in first}
    return {name: float(values.std() / np.sqrt(2)) for name, values in differences.items()}


def abdomen(
    labels: Volume, protocol: Mapping[str, Any], erosion_mm: float, threads: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return, by structure, HU off in soft tissue and percent off in bone, the worse kernel's."""
    simulated = scan(*phantom_of(labels), protocol, 1, threads)
    rows = quality.report(labels, labels, *simulated, protocol, erosion_mm)["structures"]
    soft, bone = {}, {}
    for row in rows:
        found = row["simulated_hu"].values()
        off = max(abs(kernel["mean"] - row["expected_hu"]) for kernel in found)
        tissue = by_id()[row["id"]].tissue
        if min(kernel["voxels"] for kernel in found) < ENOUGH_VOXELS:
            continue
        if tissue in SOFT:
            soft[row["name"]] = off
        elif tissue == "bone":
            bone[row["name"]] = 100 * off / row["expected_hu"]
    return soft, bone


def speed(labels: Volume, protocol: Mapping[str, Any], threads: int) -> tuple[float, float]:
    """Return rays and updates per second of the rotation through the middle of ``labels``."""
    phantom, matter = phantom_of(labels)
    ready, (centre, radius) = machine(matter, protocol), isocentre(phantom)
    middle = phantom.origin_mm[0] + phantom.extent_mm[0] / 2
    piece = projector.slab(phantom, ready.scanner, (middle, *centre))
    weights = ready.quanta.weights
    use_threads(threads)
    seconds, left = _fastest(
        lambda: projector.transmit(piece, ready.scanner, ready.attenuation, weights)
    )
    lengths = ready.scale.water_mm(left[0])
    projections = reconstruction.filtered(lengths, ready.scanner, ready.kernels)
    pixels = round(2 * radius / 1.5)
    grid = Grid((pixels, pixels), (1.5, 1.5), (-radius, -radius), radius)
    slices = np.arange(-4, 5) * 3.0
    back, image = _fastest(
        lambda: reconstruction.back_project(projections, ready.scanner, grid, slices, 3.0)
    )
    updates = np.isfinite(image[0]).sum() * ready.scanner.views_per_rotation
    rays = left[0].size * int(np.prod(ready.scanner.rays_per_cell))
    return rays / seconds, float(updates) / back


def _fastest(work: Callable[[], np.ndarray], times: int = 3) -> tuple[float, np.ndarray]:
    """Return the shortest time and the result; the first run, which may compile, does not count."""
    result, seconds = work(), []
    for _ in range(times):
        started = perf_counter()
        result = work()
        seconds.append(perf_counter() - started)
    return min(seconds), result


def _cylinder_scan(protocol: Mapping[str, Any], seed: int) -> dict[str, Volume]:
    mm = np.arange(-110, 111) * 1.0
    disc = np.hypot(mm[:, None], mm) < CYLINDER_MM / 2
    array = np.repeat(disc[None], CYLINDER_SLICES, axis=0).astype(np.uint8)
    phantom = Volume(array, (1.0, 1.0, 1.0), (0.0, mm[0], mm[0]))
    own = {**protocol["reconstruction"], "pixel_mm": 1.5, "slice_mm": 3.0}
    return scan(phantom, [material("water")], {**protocol, "reconstruction": own}, seed).volumes


def _water(ct: Volume) -> Water:
    away = _distance_mm(ct)
    centre = float(ct.array[:, away < 20].mean())
    edge = float(ct.array[:, (away > 80) & (away < 90)].mean())
    return Water(centre, edge - centre)


def _distance_mm(ct: Volume) -> np.ndarray:
    """Return the distance of each pixel [Y, X] from the cylinder's axis."""
    y, x = (
        o + mm * np.arange(n)
        for o, mm, n in zip(ct.origin_mm[1:], ct.spacing_mm[1:], ct.array.shape[1:], strict=True)
    )
    return np.hypot(y[:, None], x)
