import numpy as np
import pytest
import spekpy
import xraydb

from phantomloom.materials import material
from phantomloom.simulation import quality
from phantomloom.structures import label
from phantomloom.volume import Volume

TUBE = {"tube_voltage_kv": 120, "anode_angle_deg": 12, "filtration_mm": {"Al": 3.0, "Ti": 0.9}}
GOS = {"scintillator": "Gd2O2S", "density_g_cm3": 7.32, "thickness_mm": 1.4}
WATER, BONE, LIVER = label("kidney_cyst_left"), label("femur_left"), label("liver")


def disc_with_a_pin(diameter_mm):
    c = np.arange(-150, 151, 2.0)
    disc = np.where(np.hypot(c[:, None], c) < diameter_mm / 2, WATER, 0)
    disc[75, 75] = BONE
    return Volume(disc[None].astype(np.uint8), (2.0, 2.0, 2.0))


def bone_behind_water(mm):
    """The definition, written out for one length of water."""
    tube = spekpy.Spek(kvp=120, th=12, dk=0.5).filter("Al", 3.0).filter("Ti", 0.9)
    kev, photons = tube.get_spectrum()
    total, coherent = (
        xraydb.material_mu("Gd2O2S", kev * 1e3, 7.32, kind=kind) for kind in ("total", "coh")
    )
    weight = photons * kev * -np.expm1(-0.14 * (total - coherent))
    water = xraydb.material_mu("H2O", kev * 1e3, 1.0)
    bone = material("femur")
    mu = bone.density_g_cm3 * sum(
        w * xraydb.mu_elam(z, kev * 1e3) for z, w in bone.mass_fractions.items()
    )
    weight *= np.exp(-water * mm / 10)
    return 1000 * ((weight @ mu) / (weight @ water) - 1)


@pytest.mark.parametrize("diameter", [100, 200, 280])
def test_bone_is_expected_darker_the_more_water_surrounds_it(diameter):
    labels = disc_with_a_pin(diameter)
    pin = labels.with_array(np.where(labels.array == BONE, BONE, 0))
    found = quality.expected_hu(labels, pin, TUBE, GOS)
    assert found[BONE] == pytest.approx(bone_behind_water(diameter), rel=0.01)


def test_water_is_expected_at_zero():
    labels = disc_with_a_pin(200)
    inside = labels.with_array(np.where(labels.array == WATER, WATER, 0))
    assert quality.expected_hu(labels, inside, TUBE, GOS) == pytest.approx({WATER: 0}, abs=1e-6)


def test_depth_is_the_distance_to_the_nearest_voxel_that_touches_another_label():
    array = np.random.default_rng(7).choice([0, LIVER], (12, 13, 14), p=[0.01, 0.99])
    array[:, :, 9:] = BONE
    depth = quality.depth_mm(Volume(array.astype(np.uint8), (2.0, 1.0, 1.5)))
    padded = np.pad(array, 1, constant_values=-1)
    around = [np.roll(padded, step, axis) for axis in range(3) for step in (-1, 1)]
    touching = np.any([other != padded for other in around], axis=0)[1:-1, 1:-1, 1:-1]
    away = np.argwhere(np.ones_like(array))[:, None] - np.argwhere(touching)
    wanted = np.sqrt(((away * (2.0, 1.0, 1.5)) ** 2).sum(-1)).min(1)
    assert depth.ravel() == pytest.approx(wanted, abs=1e-4)
    assert depth.max() > 2


def test_statistics_are_those_of_each_label():
    random = np.random.default_rng(5)
    label_map = Volume(random.integers(0, 3, (6, 7, 8)).astype(np.uint8), (1.0, 1.0, 1.0))
    ct = label_map.with_array(random.normal(50, 9, (6, 7, 8)))
    found = quality.statistics(label_map, ct)
    for index in (1, 2):
        values = ct.array[label_map.array == index]
        assert found[index]["voxels"] == values.size
        assert found[index]["mean"] == pytest.approx(values.mean(), abs=0.01)
        assert found[index]["sd"] == pytest.approx(values.std(), abs=0.01)


def test_noise_is_measured_in_the_deepest_soft_structure_without_its_shading():
    array = np.full((30, 40, 40), BONE, np.uint8)
    array[5:25, 8:32, 8:32] = LIVER
    labels = Volume(array, (3.0, 3.0, 3.0))
    random = np.random.default_rng(6)
    z, y, x = np.ogrid[:30, :40, :40]
    ct = random.normal(0, 12, array.shape) + 40 * z + 3 * x + 0.1 * (y - 20) ** 2
    volumes = {"soft": labels.with_array(np.rint(ct).astype(np.int16))}
    found = quality.noise(labels, quality.depth_mm(labels), volumes)
    assert found["structure"] == "liver"
    assert found["sd_hu"]["soft"] == pytest.approx(12, rel=0.06)


def test_pixels_too_coarse_for_the_largest_ball_give_no_noise_figure():
    array = np.full((40, 40, 40), BONE, np.uint8)
    array[4:36, 4:36, 4:36] = LIVER
    labels = Volume(array, (3.0, 3.0, 3.0))
    coarse = Volume(np.zeros((40, 10, 10), np.int16), (3.0, 12.0, 12.0))
    assert quality.noise(labels, quality.depth_mm(labels), {"soft": coarse}) is None


def test_without_a_soft_structure_there_is_no_noise_figure():
    bones = Volume(np.full((3, 3, 3), BONE, np.uint8), (1.0, 1.0, 1.0))
    assert quality.noise(bones, quality.depth_mm(bones), {"soft": bones}) is None


def test_a_report_covers_only_slices_that_were_reconstructed():
    array = np.full((12, 12, 12), LIVER, np.uint8)
    labels = Volume(array, (3.0, 3.0, 3.0))
    source = labels.with_array(np.full(array.shape, 55, np.int16))
    simulated = Volume(np.full((2, 12, 12), 51, np.int16), (3.0, 3.0, 3.0), (15.0, 0.0, 0.0))
    protocol = {"tube": TUBE, "detector": GOS}
    its = ({"soft": simulated}, {"truncated_mm": 0.0}, protocol, 2.0)
    (row,) = quality.report(labels, source, *its)["structures"]
    assert row["source_hu"] == {"mean": 55, "sd": 0, "voxels": 2 * 10 * 10}  # without the outermost
    assert row["simulated_hu"]["soft"]["mean"] == 51
    assert 40 < row["expected_hu"] < 70


def test_a_report_covers_only_pixels_that_were_reconstructed():
    array = np.full((9, 40, 40), LIVER, np.uint8)
    array[:, 15:25, 33:] = BONE  # wholly beyond the field
    labels = Volume(array, (3.0, 3.0, 3.0))
    away = np.hypot(*np.meshgrid(*2 * [3.0 * np.arange(40) - 58.5]))
    hu = np.where(away < 40, 51, -1024) * np.ones((9, 1, 1))
    simulated = {"soft": labels.with_array(hu.astype(np.int16))}
    facts = {"truncated_mm": 43.0, "isocentre_yx_mm": [58.5] * 2, "reconstructed_radius_mm": 40.0}
    protocol = {"tube": TUBE, "detector": GOS}
    found = quality.report(labels, labels, simulated, facts, protocol, 2.0)
    (row,) = found["structures"]
    assert (row["name"], row["simulated_hu"]["soft"]["mean"]) == ("liver", 51)
    assert found["noise"]["sd_hu"]["soft"] < 1e-6
