"""One CT scan of one phantom under one protocol, from spectrum to HU."""

import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any, NamedTuple

import numba
import numpy as np

from phantomloom.materials import AIR, Material, material
from phantomloom.protocols import thickest_slice_mm
from phantomloom.simulation import detector, projector, reconstruction, spectrum
from phantomloom.simulation.detector import Quanta, WaterScale
from phantomloom.simulation.geometry import Plan, Scanner, UnscannableError, plan
from phantomloom.simulation.reconstruction import Grid
from phantomloom.structures import by_id
from phantomloom.volume import Volume

Protocol = Mapping[str, Any]  # one value of simulate.protocols in config.yaml
PHANTOM = "phantom"  # as a spacing: that of the phantom
log = logging.getLogger(__name__)


class Scan(NamedTuple):
    """What a scan gives."""

    volumes: dict[str, Volume]  # int16 HU by kernel, where the phantom is in the world
    facts: dict[str, Any]  # how it was made: JSON values


class Machine(NamedTuple):
    """A scanner set to a protocol, and the attenuation it meets."""

    scanner: Scanner
    quanta: Quanta
    attenuation: np.ndarray  # per mm [M + 1, E]; row 0 is air
    scale: WaterScale
    electronic_noise_kev: float
    kernels: Mapping[str, Any]


def phantom_of(labels: Volume) -> tuple[Volume, list[Material]]:
    """Return the phantom of a label map and its materials, as ``scan`` takes them."""
    used = [by_id()[index].material for index in np.unique(labels.array).tolist() if index]
    names = sorted(set(used) - {AIR})
    index = np.zeros(256, np.uint8)
    for structure in by_id().values():
        if structure.material in names:
            index[structure.id] = names.index(structure.material) + 1
    return labels.with_array(index[labels.array]), [material(name) for name in names]


def scan(
    phantom: Volume, matter: Sequence[Material], protocol: Protocol, seed: int, threads: int = 1
) -> Scan:
    """Scan ``phantom``, whose values are 1 + indices of ``matter``, and 0 for air.

    The isocentre is the middle of the bounding box of what is not air, in the axial plane. The
    result does not depend on ``threads``.

    Raises:
        UnscannableError: if the cone sees no slice whole, or the phantom's are too thick for it.
        ValueError: if there is nothing but air.
    """
    use_threads(threads)
    ready = machine(matter, protocol)
    centre, body_mm = isocentre(phantom)
    radius_mm = min(body_mm, ready.scanner.field_radius_mm)
    grid, slices_mm, slice_mm = _grid(phantom, centre, radius_mm, protocol["reconstruction"])
    most = thickest_slice_mm(ready.scanner.collimation_mm, ready.scanner.rows)
    if slice_mm > most + 1e-6:
        raise UnscannableError(
            f"slices of {slice_mm:g} mm; this protocol makes up to {most:g}: give "
            "reconstruction.slice_mm a number"
        )
    tables = plan(ready.scanner, _range_mm(phantom), slices_mm, radius_mm)
    water = _water_values(ready)
    images, starved = _rotations(phantom, ready, tables, grid, slice_mm, centre, water, seed)
    first = float(np.concatenate(tables.slices_mm)[0])
    origin = (first, grid.origin_mm[0] + centre[0], grid.origin_mm[1] + centre[1])
    volumes = {
        name: Volume(image, (slice_mm, *grid.pixel_mm), origin)
        for name, image in zip(ready.kernels, images, strict=True)
    }
    facts = {
        "isocentre_yx_mm": [round(mm, 3) for mm in centre],
        "table_positions_mm": [round(float(mm), 3) for mm in tables.tables_mm],
        "uncovered_mm": dict(
            zip(("lower", "upper"), (round(mm, 3) for mm in tables.uncovered_mm), strict=True)
        ),
        "reconstructed_radius_mm": round(radius_mm, 3),
        "truncated_mm": round(body_mm - radius_mm, 3),
        "open_beam_quanta": round(float(ready.quanta.expected.sum())),
        "starved_readings": starved,
        "water_calibration": {name: round(value, 5) for name, value in water.items()},
        "seed": str(seed),  # 64 bits: more than a JSON number keeps
    }
    return Scan(volumes, facts)


def use_threads(threads: int) -> None:
    """Let the kernels run on ``threads``, or on as many as there are cores."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(threads, most))


def seed_of(case: str, seed: int) -> int:
    """Return the seed of a case: each case its own noise, and the same every time."""
    return int.from_bytes(sha256(f"{seed} {case}".encode()).digest()[:8], "big")


def machine(matter: Sequence[Material], protocol: Protocol) -> Machine:
    """Return the scanner that ``protocol`` describes."""
    scanner = Scanner(**protocol["scanner"])
    settings = dict(protocol["detector"])
    electronic_noise_kev = settings.pop("electronic_noise_kev")
    beam = spectrum.tube_spectrum(**protocol["tube"])
    quanta = detector.absorbed_quanta(beam, scanner, protocol["exposure_mas"], **settings)
    attenuation = np.zeros((len(matter) + 1, len(quanta.energy_kev)))
    for row, its in zip(attenuation[1:], matter, strict=True):
        row[:] = spectrum.attenuation(its, quanta.energy_kev)
    return Machine(
        scanner,
        quanta,
        attenuation,
        detector.water_scale(quanta),
        electronic_noise_kev,
        protocol["reconstruction"]["kernels"],
    )


def isocentre(phantom: Volume) -> tuple[tuple[float, float], float]:
    """Return the middle (y, x) of the body's bounding box and how far the body reaches from it.

    Raises:
        ValueError: if the phantom is nothing but air.
    """
    rows, columns = np.nonzero(phantom.array.any(axis=0))
    if not len(rows):
        raise ValueError("the phantom holds nothing but air; there is nothing to scan")
    (_, dy, dx), (_, y0, x0) = phantom.spacing_mm, phantom.origin_mm
    y, x = y0 + rows * dy, x0 + columns * dx
    centre = float(y.min() + y.max()) / 2, float(x.min() + x.max()) / 2
    reach = np.hypot(np.abs(y - centre[0]) + dy / 2, np.abs(x - centre[1]) + dx / 2)
    return centre, float(reach.max())


def _rotations(
    phantom: Volume,
    ready: Machine,
    tables: Plan,
    grid: Grid,
    slice_mm: float,
    centre: tuple[float, float],
    water: Mapping[str, float],
    seed: int,
) -> tuple[list[np.ndarray], int]:
    """Return HU [Z, Y, X] per kernel, and how many readings were starved."""
    slabs, starved = [], 0
    for n, (table, slices) in enumerate(zip(tables.tables_mm, tables.slices_mm, strict=True)):
        started = perf_counter()
        piece = projector.slab(phantom, ready.scanner, (float(table), *centre))
        expected = projector.transmit(piece, ready.scanner, ready.attenuation, ready.quanta.weights)
        projected = perf_counter()
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, n])))
        readings = detector.read_out(expected, ready.electronic_noise_kev, random)
        starved += ready.scale.starved(readings)
        clean = reconstruction.filtered(
            ready.scale.water_mm(readings), ready.scanner, ready.kernels
        )
        prepared = perf_counter()
        relative = reconstruction.back_project(clean, ready.scanner, grid, slices - table, slice_mm)
        finished = perf_counter()
        slabs.append(
            [
                reconstruction.hounsfield(k, value)
                for k, value in zip(relative, water.values(), strict=True)
            ]
        )
        log.info(
            "rotation %d of %d: %.2e rays/s, noise and filter %.1f s, %.2e updates/s",
            n + 1,
            len(tables.tables_mm),
            readings.size * np.prod(ready.scanner.rays_per_cell) / (projected - started),
            prepared - projected,
            len(clean) * np.isfinite(relative[0]).sum() / (finished - prepared),
        )
    return [np.concatenate(parts) for parts in zip(*slabs, strict=True)], starved


def _water_values(ready: Machine) -> dict[str, float]:
    """Calibrate each kernel on water: noise-free readings behind chords of known length."""
    water = spectrum.water(ready.quanta.energy_kev)

    def measured(chords_mm: np.ndarray) -> np.ndarray:
        readings = np.exp(-chords_mm[..., None] * water) @ ready.quanta.weights[0]
        return ready.scale.water_mm(readings.astype(np.float32))

    return {
        name: reconstruction.water_value(ready.scanner, settings, measured)
        for name, settings in ready.kernels.items()
    }


def _grid(
    phantom: Volume, centre: tuple[float, float], radius_mm: float, settings: Mapping[str, Any]
) -> tuple[Grid, np.ndarray, float]:
    """Return pixels and slices that fill the phantom's own extent, and the slice spacing."""
    wanted = (settings["slice_mm"], settings["pixel_mm"], settings["pixel_mm"])
    spacing = [
        own if mm == PHANTOM else float(mm)
        for mm, own in zip(wanted, phantom.spacing_mm, strict=True)
    ]
    shape = [max(round(n / mm), 1) for n, mm in zip(phantom.extent_mm, spacing, strict=True)]
    first = [
        o + ((m - 1) * own - (n - 1) * mm) / 2
        for o, own, m, mm, n in zip(
            phantom.origin_mm, phantom.spacing_mm, phantom.array.shape, spacing, shape, strict=True
        )
    ]
    origin = (first[1] - centre[0], first[2] - centre[1])
    grid = Grid((shape[1], shape[2]), (spacing[1], spacing[2]), origin, radius_mm)
    return grid, first[0] + spacing[0] * np.arange(shape[0]), spacing[0]


def _range_mm(phantom: Volume) -> tuple[float, float]:
    low = phantom.origin_mm[0] - phantom.spacing_mm[0] / 2
    return low, low + phantom.extent_mm[0]
