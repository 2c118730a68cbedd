from copy import deepcopy

import numpy as np
import pytest

from phantomloom.materials import material
from phantomloom.simulation.geometry import UnscannableError
from phantomloom.simulation.scan import isocentre, phantom_of, scan, seed_of
from phantomloom.structures import label
from phantomloom.volume import Volume

PROTOCOL = {
    "seed": 1,
    "exposure_mas": 200,
    "tube": {"tube_voltage_kv": 120, "anode_angle_deg": 12, "filtration_mm": {"Al": 3, "Ti": 0.9}},
    "scanner": {
        "source_to_isocentre_mm": 570,
        "source_to_detector_mm": 1040,
        "columns": 100,
        "column_mm": 2.0,
        "rows": 10,
        "collimation_mm": 40,
        "views_per_rotation": 240,
    },
    "detector": {
        "scintillator": "Gd2O2S",
        "density_g_cm3": 7.32,
        "thickness_mm": 1.4,
        "electronic_noise_kev": 0,
    },
    "reconstruction": {
        "pixel_mm": "phantom",
        "slice_mm": "phantom",
        "kernels": {
            "soft": {"window": "hann", "cutoff_lp_per_cm": 2.0},
            "sharp": {"window": "cosine", "cutoff_lp_per_cm": 2.5},
        },
    },
}


def changed(section, **values):
    protocol = deepcopy(PROTOCOL)
    protocol[section] = {**protocol[section], **values}
    return protocol


def cylinder(diameter_mm, slices=20, mm=3.0, size=44):
    c = (np.arange(size) - (size - 1) / 2) * mm
    disc = np.hypot(c[:, None], c) < diameter_mm / 2
    array = np.broadcast_to(disc, (slices, size, size)).astype(np.uint8)
    return Volume(array, (mm, mm, mm), (-70.0, 30.0, -100.0))


@pytest.fixture(scope="module")
def tripod():
    """Arms of 3 voxels to the left, 5 to the back and 7 up, from a corner off the centre."""
    array = np.zeros((36, 30, 32), np.uint8)
    z, y, x = 10, 12, 9
    array[z, y, x : x + 4] = array[z, y : y + 6, x] = array[z : z + 8, y, x] = 1
    volume = Volume(array, (4.0, 4.0, 4.0), (-300.0, 50.0, -20.0))
    return volume, scan(volume, [material("cortical_bone")], PROTOCOL, 1).volumes["sharp"]


def value_at(volume, place_mm):
    index = [
        round((mm - o) / s)
        for mm, o, s in zip(place_mm, volume.origin_mm, volume.spacing_mm, strict=True)
    ]
    return volume.array[tuple(index)]


def test_left_is_left_back_is_back_and_up_is_up(tripod):
    phantom, ct = tripod
    corner = np.array([10, 12, 9])
    for axis, arm in enumerate((7, 5, 3)):
        step = np.eye(3, dtype=int)[axis]
        along = [
            value_at(ct, np.array(phantom.origin_mm) + 4.0 * (corner + n * step))
            for n in (-2, -1, arm, arm + 2)
        ]
        assert along[2] > 0 > max(along[0], along[3])
        assert along[2] > along[1]


def test_what_is_bright_in_the_ct_is_the_phantom_and_nothing_else(tripod):
    phantom, ct = tripod
    z = round((ct.origin_mm[0] - phantom.origin_mm[0]) / 4)
    same = phantom.array[z : z + len(ct.array)] > 0
    bright = ct.array > 0
    assert (bright & same).sum() / (bright | same).sum() > 0.8


def test_water_is_at_zero_with_little_cupping_whatever_its_size():
    for diameter in (60, 110):
        phantom = cylinder(diameter)
        protocol = {**PROTOCOL, "exposure_mas": 1e7}  # as good as without noise
        ct = scan(phantom, [material("water")], protocol, 1).volumes["soft"]
        c = (np.arange(44) - 21.5) * 3
        away = np.hypot(c[:, None], c)
        centre = ct.array[:, away < 12].mean()
        edge = ct.array[:, (away > diameter / 2 - 15) & (away < diameter / 2 - 8)].mean()
        assert abs(centre) < 2
        assert abs(edge - centre) < 5


def test_each_material_has_its_own_hu():
    """Pins in water: fat on the left at -100, a bit less dense than water, bone on the right."""
    water = cylinder(110, slices=12)
    phantom, c = water.with_array(water.array.copy()), (np.arange(44) - 21.5) * 3
    for number, x_mm in ((2, 28.5), (3, -28.5)):
        phantom.array[:, np.hypot(c[:, None], c - x_mm) < 11] = number
    matter = [material(name) for name in ("water", "adipose", "cortical_bone")]
    ct = scan(phantom, matter, {**PROTOCOL, "exposure_mas": 1e7}, 1).volumes["soft"]
    fat, bone, middle = (
        ct.array[:, np.hypot(c[:, None], c - x_mm) < 5].mean() for x_mm in (28.5, -28.5, 0.0)
    )
    assert -125 < fat < -75 and 1200 < bone < 2000 and abs(middle) < 25


def test_slabs_meet_without_a_seam():
    phantom = cylinder(110, slices=40)
    protocol = {**PROTOCOL, "exposure_mas": 1e7}
    result = scan(phantom, [material("water")], protocol, 1)
    c = (np.arange(44) - 21.5) * 3
    inside = result.volumes["soft"].array[:, np.hypot(c[:, None], c) < 40].mean(1)
    assert len(result.facts["table_positions_mm"]) > 2
    assert np.ptp(inside) < 1


def test_noise_belongs_to_the_seed_and_not_to_the_threads():
    phantom, protocol = cylinder(60, slices=16), {**PROTOCOL, "exposure_mas": 0.2}
    first, again, other = (
        scan(phantom, [material("water")], protocol, seed, threads).volumes["soft"].array
        for seed, threads in ((7, 1), (7, 2), (8, 1))
    )
    assert (first == again).all()
    assert (first != other)[first > -1000].mean() > 0.8


def test_each_case_has_a_seed_of_its_own_that_stays():
    assert seed_of("a", 1) == seed_of("a", 1)
    assert len({seed_of("a", 1), seed_of("b", 1), seed_of("a", 2)}) == 3


def test_the_isocentre_is_the_middle_of_the_body_and_not_of_the_grid():
    array = np.zeros((3, 20, 20), np.uint8)
    array[1, 2:6, 10:18] = 1
    centre, radius = isocentre(Volume(array, (1.0, 2.0, 3.0), (0.0, 100.0, -50.0)))
    assert centre == (107.0, -9.5)
    assert radius == pytest.approx(np.hypot(4, 12))


def test_a_phantom_of_air_is_refused():
    with pytest.raises(ValueError, match="nothing but air"):
        scan(Volume(np.zeros((3, 4, 5), np.uint8), (1.0, 1.0, 1.0)), [], PROTOCOL, 1)


def test_a_phantom_of_slices_too_thick_for_the_cone_is_refused():
    thick = Volume(np.ones((4, 8, 8), np.uint8), (11.0, 5.0, 5.0))
    with pytest.raises(UnscannableError, match="slices of 11 mm; this protocol makes up to 10"):
        scan(thick, [material("water")], PROTOCOL, 1)


def test_a_body_wider_than_the_scan_field_is_said_to_be_truncated():
    protocol = changed("scanner", columns=64, column_mm=1.0)
    protocol["reconstruction"] = {**protocol["reconstruction"], "pixel_mm": 6.0}
    facts = scan(cylinder(110, slices=16), [material("water")], protocol, 1).facts
    assert facts["truncated_mm"] > 15
    assert facts["reconstructed_radius_mm"] < 35


def test_structures_of_one_material_share_an_index_and_gas_is_air():
    names = ["aorta", "inferior_vena_cava", "liver", "gas"]
    labels = Volume(np.array([[[0, *map(label, names)]]], np.uint8), (1.0, 1.0, 1.0))
    phantom, matter = phantom_of(labels)
    assert [material.name for material in matter] == ["blood", "liver"]
    assert phantom.array.tolist() == [[[0, 1, 1, 2, 0]]]
