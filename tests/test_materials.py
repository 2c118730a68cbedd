import pytest
import xraydb

from phantomloom.materials import ATOMIC_NUMBERS, material, materials
from phantomloom.structures import structures


def electrons_per_cm3(name):
    """The density of electrons up to a constant, with xraydb's atomic masses."""
    substance = material(name)
    fractions = substance.mass_fractions.items()
    return substance.density_g_cm3 * sum(part * z / xraydb.atomic_mass(z) for z, part in fractions)


def ct_number(name, energy_kev):
    """The CT number at one energy, with xraydb's cross-sections."""

    def attenuation(name):
        substance = material(name)
        return substance.density_g_cm3 * sum(
            part * xraydb.mu_elam(z, 1000 * energy_kev)
            for z, part in substance.mass_fractions.items()
        )

    return 1000 * (attenuation(name) / attenuation("water") - 1)


def test_every_structure_is_of_a_material_in_the_table():
    assert {row.material for row in structures().values()} <= set(materials())


@pytest.mark.parametrize("name", materials())
def test_mass_fractions_sum_to_one(name):
    assert sum(material(name).mass_fractions.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", materials())
def test_every_row_names_its_source(name):
    assert material(name).source


def test_symbols_stand_for_their_atomic_numbers():
    assert all(xraydb.atomic_symbol(z) == symbol for symbol, z in ATOMIC_NUMBERS.items())


def test_an_unknown_material_is_named():
    with pytest.raises(KeyError, match="unobtainium"):
        material("unobtainium")


@pytest.mark.parametrize(
    ("name", "relative_to_water"),  # ICRU-46 appendix A; Schneider 1996, table 1
    [
        ("adipose", 0.951),
        ("skeletal_muscle", 1.040),
        ("lung", 0.258),
        ("liver", 1.050),
        ("brain", 1.035),
        ("blood", 1.050),
        ("red_marrow", 1.023),
        ("yellow_marrow", 0.982),
        ("cartilage", 1.083),
        ("spongiosa", 1.150),
        ("femur", 1.355),
        ("cranium", 1.517),
        ("cortical_bone", 1.781),
    ],
)
def test_electron_densities_are_the_published_ones(name, relative_to_water):
    relative = electrons_per_cm3(name) / electrons_per_cm3("water")
    assert relative == pytest.approx(relative_to_water, rel=3e-3)


@pytest.mark.parametrize(
    (
        "name",
        "low",
        "high",
    ),  # clinical ranges at 120 kV; in a body its mean is near 65 keV
    [
        ("air", -1000, -998),
        ("lung", -760, -720),
        ("adipose", -120, -70),
        ("yellow_marrow", -80, -40),
        ("urine", 0, 35),
        ("bile", 0, 35),
        ("brain", 20, 45),
        ("pancreas", 25, 50),
        ("kidney", 30, 55),
        ("skeletal_muscle", 35, 60),
        ("blood", 40, 65),
        ("spleen", 40, 65),
        ("liver", 45, 70),
        ("thyroid", 60, 120),
        ("spongiosa", 250, 400),
        ("vertebra", 400, 700),
        ("cortical_bone", 1300, 1900),
    ],
)
def test_ct_numbers_lie_in_the_clinical_ranges(name, low, high):
    assert low <= ct_number(name, energy_kev=65) <= high
