"""What leaves the tube, and what matter takes away from it."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import spekpy
import xraydb

from phantomloom.materials import Material, material

BIN_KEV = 2.0  # against 0.5 keV bins: mean energy off by 0.03 keV, HVL by 0.006 mm Al
NEGLIGIBLE = 1e-6  # bins with a smaller share of the fluence are left out


class Spectrum(NamedTuple):
    """Photons in energy bins."""

    energy_kev: np.ndarray  # [E], bin centres
    fluence: np.ndarray  # [E], photons per mm2 per mAs, 1 m from the focal spot


def tube_spectrum(
    tube_voltage_kv: float, anode_angle_deg: float, filtration_mm: Mapping[str, float]
) -> Spectrum:
    """Return the spectrum of a tungsten tube behind filters of chemical elements, by spekpy.

    Source: Poludniowski et al., Med Phys 48 (2021) 3630 (SpekPy).

    Raises:
        ValueError: if the filters let nothing through.
    """
    tube = spekpy.Spek(kvp=tube_voltage_kv, th=anode_angle_deg, dk=BIN_KEV, z=100, mas=1)
    tube.multi_filter(list(filtration_mm.items()))
    energy_kev, per_cm2_kev = tube.get_spectrum(edges=False)
    fluence = per_cm2_kev * BIN_KEV / 100
    if not fluence.sum():
        raise ValueError(f"no photon passes {dict(filtration_mm)}; tube.filtration_mm is in mm")
    kept = fluence > NEGLIGIBLE * fluence.sum()
    return Spectrum(energy_kev[kept], fluence[kept])


def attenuation(matter: Material, energy_kev: np.ndarray) -> np.ndarray:
    """Return the linear attenuation coefficient, coherent scatter included, per mm.

    A clinical beam is narrow enough that a coherently scattered photon is mostly lost to its
    cell, and NIST's tables, with which people compare, include it.
    Source: Elam, Ravel & Sieber, Radiat Phys Chem 63 (2002) 121, through xraydb.
    """
    ev = np.asarray(energy_kev, float) * 1000
    per_mass = sum(w * xraydb.mu_elam(z, ev) for z, w in matter.mass_fractions.items())
    return per_mass * matter.density_g_cm3 / 10


def water(energy_kev: np.ndarray) -> np.ndarray:
    """Return the linear attenuation coefficient of water, per mm."""
    return attenuation(material("water"), energy_kev)
