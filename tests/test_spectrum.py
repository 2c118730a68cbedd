import numpy as np
import pytest
import xraydb

from phantomloom.materials import Material, material, materials
from phantomloom.simulation import spectrum

ALUMINIUM = Material("aluminium", 2.699, {13: 1.0}, "NIST XCOM")


@pytest.fixture(scope="module")
def beam():
    return spectrum.tube_spectrum(120, 12, {"Al": 3.0, "Ti": 0.9})


@pytest.mark.parametrize(("kev", "per_cm"), [(60, 0.2059), (80, 0.1837)])
def test_water_attenuates_as_published(kev, per_cm):
    found = 10 * spectrum.water(np.array([float(kev)]))
    assert found == pytest.approx(per_cm, abs=5e-5)


def half_value_layer_mm(beam):
    """Air kerma from photoelectric absorption and Klein-Nishina recoil, behind aluminium."""
    ev = beam.energy_kev * 1000
    cosine = np.linspace(-1, 1, 2001)
    kept = 1 / (1 + beam.energy_kev[:, None] / 510.999 * (1 - cosine))
    section = kept**2 * (kept + 1 / kept - 1 + cosine**2)
    recoil = ((1 - kept) * section).sum(1) / section.sum(1)
    photo, compton = (xraydb.material_mu("air", ev, kind=kind) for kind in ("photo", "incoh"))
    kerma = beam.fluence * beam.energy_kev * (photo + compton * recoil)
    mm = np.linspace(0, 30, 3001)
    left = np.exp(-np.outer(mm, spectrum.attenuation(ALUMINIUM, beam.energy_kev))) @ kerma
    return np.interp(-0.5, -left / left[0], mm)


def test_a_body_beam_has_the_known_mean_energy_and_half_value_layer(beam):
    mean_kev = np.average(beam.energy_kev, weights=beam.fluence)
    assert mean_kev == pytest.approx(63.6, abs=0.05)
    assert half_value_layer_mm(beam) == pytest.approx(7.90, abs=0.05)  # our tables, not spekpy's


def test_no_photon_has_more_energy_than_the_tube_voltage_gives(beam):
    assert beam.energy_kev.max() < 120
    assert (beam.fluence > 0).all()


def test_a_filter_takes_away_what_its_attenuation_says(beam):
    thicker = spectrum.tube_spectrum(120, 12, {"Al": 8.0, "Ti": 0.9})
    kept = np.isin(beam.energy_kev, thicker.energy_kev)
    found = np.log(beam.fluence[kept] / thicker.fluence) / 5
    wanted = spectrum.attenuation(ALUMINIUM, thicker.energy_kev)
    assert found == pytest.approx(wanted, rel=0.02)  # spekpy takes PENELOPE's tables, we Elam's


def test_attenuation_adds_up_over_elements_and_scales_with_density():
    energy, water = np.array([50.0, 90.0]), material("water")
    double = water._replace(density_g_cm3=2.0)
    assert spectrum.attenuation(double, energy) == pytest.approx(2 * spectrum.water(energy))
    parts = [
        w * spectrum.attenuation(water._replace(mass_fractions={z: 1.0}), energy)
        for z, w in water.mass_fractions.items()
    ]
    assert sum(parts) == pytest.approx(spectrum.water(energy))


@pytest.mark.parametrize("name", ["adipose", "skeletal_muscle", "cortical_bone", "lung"])
def test_tissues_lie_on_the_right_side_of_water(name):
    relative = spectrum.attenuation(materials()[name], np.array([70.0])) / spectrum.water(
        np.array([70.0])
    )
    low, high = {
        "adipose": (0.88, 0.95),
        "skeletal_muscle": (1.03, 1.06),
        "cortical_bone": (2.2, 2.8),
        "lung": (0.25, 0.27),
    }[name]
    assert low < relative < high
