"""What the cells read, with noise, and which length of water each reading stands for."""

import logging
from typing import NamedTuple

import numpy as np
import xraydb
from numpy.polynomial import Polynomial

from phantomloom.simulation import spectrum as xray
from phantomloom.simulation.geometry import Scanner
from phantomloom.simulation.spectrum import Spectrum

LONGEST_WATER_MM = 700.0  # the correction is fitted up to here; bone counts as more water
DEGREE = 8  # of a usual body beam it leaves under 0.01 mm of water (tested)
LARGEST_ERROR_MM = 0.5  # of water; 1 mm Al at 120 kV leaves 0.4, which is 2 HU at the edge
FLOOR_QUANTA = 1.0  # readings below it are raised to it before the logarithm
FEWEST_QUANTA = 1000.0  # of the open beam: behind 10 cm of water 100 are left


class Quanta(NamedTuple):
    """X-ray quanta that one cell absorbs from the open beam in one view."""

    energy_kev: np.ndarray  # [E]
    expected: np.ndarray  # [E]

    @property
    def weights(self) -> np.ndarray:
        """Per energy bin, what it adds to the signal (keV) and to its variance (keV2): [2, E]."""
        return np.stack([self.expected * self.energy_kev, self.expected * self.energy_kev**2])

    @property
    def signal_kev(self) -> float:
        """The expected reading of the open beam."""
        return float(self.weights[0].sum())

    @property
    def mean_kev(self) -> float:
        """The mean energy of an absorbed quantum."""
        return self.signal_kev / float(self.expected.sum())


def absorbed_quanta(
    beam: Spectrum,
    scanner: Scanner,
    exposure_mas: float,
    scintillator: str,
    density_g_cm3: float,
    thickness_mm: float,
) -> Quanta:
    """Return what a cell absorbs of ``beam`` when a rotation takes ``exposure_mas``.

    A quantum that interacts by absorption or Compton scatter leaves all its energy (the escape
    of fluorescence and scatter is left out), so absorption is 1 - exp(-mu t) without coherent
    scatter.

    Raises:
        ValueError: if the open beam leaves less than FEWEST_QUANTA in a cell.
    """
    ev = beam.energy_kev * 1000
    stopping = xraydb.material_mu(scintillator, ev, density=density_g_cm3) - xraydb.material_mu(
        scintillator, ev, density=density_g_cm3, kind="coh"
    )
    absorbed = -np.expm1(-stopping * thickness_mm / 10)
    distance = scanner.source_to_detector_mm / 1000  # spectra are given at 1 m
    mas = exposure_mas / scanner.views_per_rotation
    expected = beam.fluence * mas * scanner.cell_mm2 / distance**2 * absorbed
    if expected.sum() < FEWEST_QUANTA:
        raise ValueError(
            f"the open beam leaves {expected.sum():.3g} quanta in a cell per view; an image needs "
            f"at least {FEWEST_QUANTA:g}; look at tube.filtration_mm (mm, not um), "
            "exposure_mas, views_per_rotation and detector.thickness_mm"
        )
    return Quanta(beam.energy_kev, expected)


def read_out(
    expected: np.ndarray, electronic_noise_kev: float, random: np.random.Generator
) -> np.ndarray:
    """Return noisy readings in keV, float32, from their mean and quantum variance [2, ...].

    The sum of the energies of Poisson-many quanta is a compound Poisson variable. It is drawn
    as one scaled Poisson variable of the same mean and variance (Whiting et al., Med Phys 33
    (2006) 3290, compare both); electronic noise is Gaussian on top.
    """
    mean, variance = expected
    unit = variance / mean  # keV of the quantum that stands for all
    readings = random.poisson(mean / unit).astype(np.float32) * unit
    if electronic_noise_kev:
        noise = random.standard_normal(mean.shape, np.float32)
        readings += np.float32(electronic_noise_kev) * noise
    return readings


class WaterScale(NamedTuple):
    """Turns readings into the length of water that would give them."""

    open_kev: float
    floor_kev: float
    polynomial: np.ndarray  # mm of water by powers 1 .. DEGREE of the logarithm

    def water_mm(self, readings: np.ndarray) -> np.ndarray:
        """Return water-equivalent lengths, float32.

        The logarithm of a reading at or below zero does not exist and that of a few quanta
        scatters widely, so readings are raised to ``floor_kev`` first; no other correction is
        made for the bias of the logarithm at low counts: 6 HU at 10 quanta by their number alone,
        nearly three times that with the electronic noise of 5 quanta.
        """
        p = np.log(np.float32(self.open_kev) / np.maximum(readings, np.float32(self.floor_kev)))
        length = np.full_like(p, self.polynomial[-1])
        for factor in self.polynomial[-2::-1]:
            length *= p
            length += np.float32(factor)
        length *= p
        return length

    def starved(self, readings: np.ndarray) -> int:
        """Return how many readings lie below the floor."""
        return int(np.count_nonzero(readings < self.floor_kev))


def water_scale(quanta: Quanta) -> WaterScale:
    """Fit the water beam-hardening correction: a polynomial through (0, 0), exact lengths known.

    Raises:
        ValueError: if it is off by more than LARGEST_ERROR_MM where a reading is above the floor,
            as of a beam whose soft part nothing filters.
    """
    length = np.linspace(0, LONGEST_WATER_MM, 701)
    left = np.exp(-np.outer(length, xray.water(quanta.energy_kev))) @ quanta.weights[0]
    p = np.log(quanta.signal_kev / left)
    ratio = np.append(length[1:] / p[1:], 1 / _initial_attenuation(quanta))
    fit = Polynomial.fit(np.append(p[1:], 0), ratio, DEGREE - 1).convert()
    floor_kev = FLOOR_QUANTA * quanta.mean_kev
    worst = np.abs(p * fit(p) - length)[left > floor_kev].max()
    logging.getLogger(__name__).info("water correction: within %.4f mm", worst)
    if worst > LARGEST_ERROR_MM:
        raise ValueError(
            f"the correction for beam hardening is off by {worst:.1f} mm of water, at most "
            f"{LARGEST_ERROR_MM:g} are allowed; add to tube.filtration_mm what filters the beam, "
            "the tube's housing included, as Al: 3"
        )
    return WaterScale(quanta.signal_kev, floor_kev, fit.coef.astype(np.float32))


def _initial_attenuation(quanta: Quanta) -> float:
    return float(np.average(xray.water(quanta.energy_kev), weights=quanta.weights[0]))
