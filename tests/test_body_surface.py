import numpy as np
import pytest

from phantomloom.scan import AIR_HU, OUTSIDE_HU
from phantomloom.structures import label
from phantomloom.tissues import body_surface, tissues
from phantomloom.volume import Volume

AIR, FAT, LEAN, LUNG = -1000, -100, 50, -850
SHAPE = (30, 60, 90)


def ellipse(centre_y, centre_x, radius_y, radius_x):
    _, y, x = np.indices(SHAPE)
    return ((y - centre_y) / radius_y) ** 2 + ((x - centre_x) / radius_x) ** 2 <= 1


BODY = ellipse(30, 45, 20, 26)


def scan(*parts, noise=20):
    """Return a CT at 3 mm that holds (mask, HU) in turn, noisy as a real one."""
    hu = np.full(SHAPE, AIR, np.float32)
    for mask, value in parts:
        hu[mask] = value
    hu += np.random.default_rng(0).normal(0, noise, SHAPE)
    return Volume(hu.round().clip(AIR_HU).astype(np.int16), (3.0, 3.0, 3.0))


def test_the_surface_of_a_body_alone_is_its_outline():
    assert (body_surface(scan((BODY, FAT))) == BODY).all()


def test_a_curved_couch_that_touches_the_back_is_outside():
    _, y, _ = np.indices(SHAPE)
    couch = ellipse(23, 45, 28, 44) & ~ellipse(21, 45, 28, 44) & (y > 40)
    assert (couch & ~BODY).any() and (couch & BODY).any()
    found = body_surface(scan((couch, 0), (BODY, FAT)))
    beyond = couch & ~BODY
    assert (found & beyond).sum() < beyond.sum() / 2  # what lies against the skin is inseparable
    assert not (found & ~ellipse(30, 45, 22, 28)).any()  # and no thicker than the couch's 6 mm
    assert found[BODY].all()


def test_wires_and_clothes_are_outside():
    wire = np.zeros(SHAPE, bool)
    wire[:, 3, 45] = True
    clothes = ellipse(30, 45, 23, 29) & ~ellipse(30, 45, 22, 28)
    found = body_surface(scan((BODY, FAT), (wire, 2000), (clothes, -800)))
    assert (found == BODY).all()


def test_separate_arms_stay_also_where_the_field_of_view_cuts_them():
    arm = ellipse(30, 2, 8, 7)
    assert arm[:, :, 0].any()
    found = body_surface(scan((BODY, FAT), (arm, LEAN)))
    assert (found[arm]).mean() > 0.97


def test_lungs_that_the_scan_cuts_above_stay_inside():
    lung = ellipse(28, 35, 10, 6)
    lung[:10] = False
    assert (body_surface(scan((BODY, FAT), (lung, LUNG))) == BODY).all()


def test_an_airway_to_the_room_neither_empties_the_lungs_nor_fills_the_room():
    """With a tight field of view there is more lung than room: their median is the lungs'."""
    lung = ellipse(30, 45, 15, 20)
    lung[:2] = lung[26:] = False
    throat = np.zeros(SHAPE, bool)
    throat[20:29, 16:18, 44:46] = throat[27:29, :18, 44:46] = True  # up, then out at the front
    for view in (np.s_[:], np.s_[:, 9:51, 18:72]):
        ct = scan((BODY, FAT), (throat, AIR), (lung, LUNG))
        found = body_surface(Volume(ct.array[view], ct.spacing_mm))
        assert found[lung[view]].all()
        assert not found[~BODY[view]].any()


def test_two_limbs_without_a_trunk_are_both_kept():
    legs = ellipse(30, 25, 12, 12) | ellipse(30, 65, 12, 12)
    assert (body_surface(scan((legs, LEAN))) == legs).all()


def test_moving_the_body_moves_its_surface():
    ct = scan((BODY, FAT))
    moved = body_surface(ct.with_array(np.roll(ct.array, (4, -5), axis=(1, 2))))
    assert (moved == np.roll(body_surface(ct), (4, -5), axis=(1, 2))).all()


def test_an_empty_scan_has_no_body_and_says_so():
    with pytest.raises(ValueError, match="no body"):
        body_surface(scan())


def test_finer_voxels_give_the_same_body():
    ct = scan((BODY, FAT), noise=0)
    fine = Volume(ct.array.repeat(3, 1).repeat(3, 2), (3.0, 1.0, 1.0))
    assert (body_surface(fine) == BODY.repeat(3, 1).repeat(3, 2)).all()


def test_fat_splits_at_the_muscle_wall():
    wall = ellipse(30, 45, 15, 20) & ~ellipse(30, 45, 11, 16)
    ct = scan((BODY, FAT), (wall, LEAN))
    found = tissues(ct, BODY)
    assert (found[ellipse(30, 45, 10, 15)] == label("visceral_fat")).mean() > 0.99
    between = ellipse(30, 45, 18, 24) & ~ellipse(30, 45, 16, 21)
    assert (found[between] == label("subcutaneous_fat")).mean() > 0.99
    assert (found[wall] == label("muscles")).mean() > 0.95


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_the_muscle_wall_of_a_scan_of_few_slices_still_splits_the_fat(slices):
    wall = ellipse(30, 45, 15, 20) & ~ellipse(30, 45, 11, 16)
    ct, few = scan((BODY, FAT), (wall, LEAN)), slice(0, slices)
    found = tissues(Volume(ct.array[few], ct.spacing_mm), BODY[few])
    assert (found[ellipse(30, 45, 10, 15)[few]] == label("visceral_fat")).mean() > 0.99


def test_every_voxel_inside_has_a_tissue_and_skin_wraps_it():
    ct = scan((BODY, FAT), (ellipse(30, 45, 12, 16), LEAN))
    found = tissues(ct, BODY)
    assert ((found > 0) == BODY).all()
    outermost = BODY & ~(np.roll(BODY, 1, 2) & np.roll(BODY, -1, 2))
    assert (found[outermost] == label("skin")).all()
    assert (found[:, 30, 45] != label("skin")).all()  # none where the scan ends in the body


def test_no_skin_lies_on_an_oblique_end_of_the_scan():
    ct = scan((BODY, FAT))
    z, y, _ = np.indices(SHAPE)
    beyond = z < 0.4 * y
    ct.array[beyond] = OUTSIDE_HU
    found = tissues(ct, BODY & ~beyond)
    cut = np.roll(beyond, 1, 0) & ~beyond & ellipse(30, 45, 18, 24)
    assert cut.any() and (found[cut] != label("skin")).all()


def test_lung_and_bowel_gas_are_told_apart():
    lung, bubble = ellipse(28, 35, 10, 6), ellipse(28, 58, 4, 4)
    bubble[:10] = bubble[20:] = False
    found = tissues(scan((BODY, LEAN), (lung, LUNG), (bubble, AIR)), BODY)
    assert (found[lung] == label("lung")).mean() > 0.99
    assert (found[bubble] == label("gas")).all()


def test_what_the_networks_missed_of_a_lung_is_lung():
    """Here a lobe of which they saw the front; the rest has less than 50 ml."""
    lung = ellipse(28, 35, 10, 6)
    organs = np.zeros(SHAPE, np.uint8)
    organs[lung] = label("lung_upper_lobe_right")
    missed = lung & (np.indices(SHAPE)[1] > 33) & (np.indices(SHAPE)[0] < 20)
    organs[missed] = 0
    assert 10 < missed.sum() * 0.027 < 50
    found = tissues(scan((BODY, LEAN), (lung, LUNG)), BODY, organs)
    assert (found[missed] == label("lung")).mean() > 0.99


def test_an_airway_beside_a_lobe_that_nobody_labelled_is_gas():
    lung, airway = ellipse(28, 35, 10, 6), np.zeros(SHAPE, bool)
    airway[8:22, 26:29, 41:44] = True
    lung &= ~airway
    organs = lung * np.uint8(label("lung_upper_lobe_right"))
    found = tissues(scan((BODY, LEAN), (lung, LUNG), (airway, AIR)), BODY, organs)
    assert (found[airway] == label("gas")).mean() > 0.95


def test_even_contrast_in_a_vessel_is_no_bone_but_a_cortex_is():
    vessel, shaft = ellipse(25, 40, 5, 5), ellipse(35, 55, 5, 5)
    marrow = ellipse(35, 55, 1, 1)
    ct = scan((BODY, LEAN), (vessel, 400), (shaft, 1200), (marrow, 0))
    found = tissues(ct, BODY)
    assert not (found[vessel] == label("bones")).any()
    assert (found[shaft] == label("bones")).mean() > 0.95
