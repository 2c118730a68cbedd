"""What lies many vertebrae from where people have it is found, and no part of a person is."""

import numpy as np
import pytest

from phantomloom.cohort import labels, person
from phantomloom.strays import table, without_strays
from phantomloom.structures import label, structures
from phantomloom.vertebral_levels import levels

LUMBAR = np.linspace(16, 24, 80)[::-1]  # of the planes of a scan from T10 to the sacrum
CORNER = (slice(4), slice(4))


@pytest.fixture
def array():
    return np.zeros((80, 20, 20), np.uint8)


def test_a_part_far_from_its_place_is_dropped_and_counted_and_others_stay(array):
    array[45:50][:, *CORNER] = label("liver")
    array[60:63, 14:16, 14:16] = label("thyroid_gland")  # at T12
    kept, lost = without_strays(array, LUMBAR, 5.0)
    assert lost == {"thyroid_gland": 12}
    assert not (kept == label("thyroid_gland")).any()
    assert (kept[kept != array] == 0).all() and (kept == label("liver")).sum() == 5 * 16


def test_of_a_structure_in_two_places_the_one_far_off_goes(array):
    array[:10][:, *CORNER] = array[72:77][:, *CORNER] = label("urinary_bladder")
    kept, lost = without_strays(array, LUMBAR, 5.0)
    assert lost == {"urinary_bladder": 80}
    assert (kept[:10][:, *CORNER] == label("urinary_bladder")).all()


def test_the_margin_is_in_vertebrae(array):
    low = int(np.flatnonzero(table()["adrenal_gland_left"][1] + 2 < LUMBAR)[-1])
    array[low][CORNER] = label("adrenal_gland_left")  # two vertebrae below where people have it
    assert without_strays(array, LUMBAR, 1.5)[1] == {"adrenal_gland_left": 16}
    assert without_strays(array, LUMBAR, 2.5)[1] == {}


def test_tissues_are_everywhere(array):
    array[:] = label("muscles")
    assert without_strays(array, LUMBAR, 1.0)[1] == {}


def test_the_table_is_that_of_textbooks():
    assert all(name in structures() and upper < lower for name, (upper, lower) in table().items())
    # level 3 is C4, 6 is C7, 8 is T2, 18 is T12, 23 is L5
    for name, upper, lower in [
        ("thyroid_gland", 4, 9),
        ("kidney_left", 16, 23),
        ("pancreas", 16, 22),
        ("urinary_bladder", 24, 30),
        ("brain", -10, 1),
        ("eye_globe_left", -5, 0),
        ("vertebrae_L3", 20, 22),
    ]:
        assert upper <= table()[name][0] and table()[name][1] <= lower, name


@pytest.mark.parametrize("number", [7, 3])
def test_nothing_of_a_person_of_the_other_family_is_stray(number):
    truth = labels(person(number, "held_out"), 6.0)
    told = levels(truth)
    assert told is not None
    kept, lost = without_strays(truth.array, told.of_plane, 1.0)
    assert lost == {} and np.array_equal(kept, truth.array)
