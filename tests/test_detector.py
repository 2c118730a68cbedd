import numpy as np
import pytest

from phantomloom.simulation import detector, spectrum
from phantomloom.simulation.detector import Quanta
from phantomloom.simulation.geometry import Scanner

SCANNER = Scanner(
    source_to_isocentre_mm=570,
    source_to_detector_mm=1040,
    columns=90,
    column_mm=1.0,
    rows=10,
    collimation_mm=20,
    views_per_rotation=720,
)
GOS = {"scintillator": "Gd2O2S", "density_g_cm3": 7.32, "thickness_mm": 1.4}


def open_beam(mas=200.0, **changes):
    beam = spectrum.tube_spectrum(120, 12, {"Al": 3.0, "Ti": 0.9})
    return detector.absorbed_quanta(beam, SCANNER._replace(**changes), mas, **GOS)


@pytest.mark.parametrize("quanta", [3, 40, 2000])
def test_readings_scatter_as_photons_counted_one_by_one_do(quanta):
    random = np.random.default_rng(1)
    energy, share = np.array([40.0, 60.0, 110.0]), np.array([0.3, 0.5, 0.2])
    number = random.poisson(quanta * share, (100_000, 3))  # of each energy
    counted = number @ energy
    mean = np.full(100_000, quanta * share @ energy)
    expected = np.stack([mean, np.full(100_000, quanta * share @ energy**2)])
    drawn = detector.read_out(expected.astype(np.float32), 0.0, random)
    assert drawn.mean() == pytest.approx(counted.mean(), rel=4 / np.sqrt(quanta * 1e5))
    assert drawn.std() == pytest.approx(counted.std(), rel=0.02)


def test_electronic_noise_adds_its_variance():
    expected = np.broadcast_to(np.float32([[6000.0], [6000.0 * 60]]), (2, 100_000))
    drawn = detector.read_out(expected, 500.0, np.random.default_rng(2))
    assert drawn.var() == pytest.approx(6000 * 60 + 500**2, rel=0.02)


def test_the_same_seed_gives_the_same_readings_and_another_seed_others():
    expected = np.full((2, 50), 1e4, np.float32)
    first, again, other = (
        detector.read_out(expected, 10.0, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_quanta_grow_with_exposure_and_cell_and_fall_with_distance_squared():
    quanta = open_beam().expected
    assert open_beam(mas=400.0).expected == pytest.approx(2 * quanta)
    assert open_beam(rows=20).expected == pytest.approx(quanta / 2)
    far = open_beam(source_to_detector_mm=2080).expected  # cells are larger there: same angle
    assert far == pytest.approx(quanta)


def test_quanta_are_those_that_pass_a_cell_at_the_isocentre():
    """What a cell is there times the fluence there: the detector's distance is not needed."""
    beam = spectrum.tube_spectrum(120, 12, {"Al": 3.0, "Ti": 0.9})
    cell_mm2, at_isocentre = 1.0 * (20 / 10), (570 / 1000) ** -2  # as fluence is given at 1 m
    falling = beam.fluence * (200 / 720) * cell_mm2 * at_isocentre
    quanta = open_beam()
    absorbed = quanta.expected / falling
    assert (absorbed > 0.3).all() and (absorbed < 1).all()
    # of 100 keV: NIST's mu/rho of gadolinium, 3.1 cm2/g, 0.1 of it coherent, in 0.83 x 1.02 g/cm2
    assert np.interp(100, beam.energy_kev, absorbed) == pytest.approx(1 - np.exp(-2.55), abs=0.02)


def test_the_open_beam_is_as_bright_as_its_kerma_says():
    """A body tube at 120 kV gives 40 (much filtered) to 130 uGy per mAs in air at 1 m."""
    beam = spectrum.tube_spectrum(120, 12, {"Al": 3.0, "Ti": 0.9})
    energy_j_per_m2 = (beam.fluence * beam.energy_kev).sum() * 1.602e-16 * 1e6
    kerma_gy = energy_j_per_m2 * 0.0026  # mu_en / rho of air about 60 keV, m2 / kg
    assert 40e-6 < kerma_gy < 130e-6


def test_water_comes_back_from_its_readings():
    quanta = open_beam()
    scale = detector.water_scale(quanta)
    length = np.array([0, 0.5, 3, 50, 200, 400, 650.0])
    readings = np.exp(-np.outer(length, spectrum.water(quanta.energy_kev))) @ quanta.weights[0]
    assert scale.water_mm(readings.astype(np.float32)) == pytest.approx(length, abs=0.01)


def test_a_beam_that_hardens_too_much_for_the_correction_is_refused():
    """A tube without its housing: soft photons go within the first millimetres of water."""
    bare = spectrum.tube_spectrum(120, 12, {})
    with pytest.raises(ValueError, match=r"off by \d+\.\d mm of water.*tube\.filtration_mm"):
        detector.water_scale(detector.absorbed_quanta(bare, SCANNER, 200, **GOS))
    thin = spectrum.tube_spectrum(120, 12, {"Al": 1.0})
    detector.water_scale(detector.absorbed_quanta(thin, SCANNER, 200, **GOS))


@pytest.mark.parametrize(("filtration_mm", "mas"), [({"Al": 300}, 200), ({"Al": 3}, 1e-3)])
def test_a_beam_too_weak_for_an_image_is_refused(filtration_mm, mas):
    beam = spectrum.tube_spectrum(120, 12, filtration_mm)
    with pytest.raises(ValueError, match=r"needs at least 1000; look at tube\.filtration_mm"):
        detector.absorbed_quanta(beam, SCANNER, mas, **GOS)


def test_filters_that_let_nothing_through_are_refused():
    with pytest.raises(ValueError, match=r"no photon passes \{'Pb': 500\}"):
        spectrum.tube_spectrum(120, 12, {"Pb": 500})


def test_a_reading_of_nothing_is_raised_to_one_quantum_and_counted():
    quanta = Quanta(np.array([60.0]), np.array([1000.0]))
    scale = detector.water_scale(quanta)
    readings = np.float32([-30, 0, 59, 61, 60000])
    assert scale.starved(readings) == 3
    found = scale.water_mm(readings)
    assert np.isfinite(found).all()
    assert found[0] == found[2] == pytest.approx(np.log(1000) / 0.02059, rel=1e-3)
