"""What lies many vertebrae from where people have it is found, and no part of a person is."""

import numpy as np
import pytest

from phantomloom import levels
from phantomloom.cohort import ct, person
from phantomloom.structures import label, structures
from phantomloom.vertebrae import VERTEBRAE
from phantomloom.volume import Volume

LUMBAR = {"T12": 60, "L1": 50, "L2": 40, "L3": 30}  # lowest plane of nine


def spine(vertebrae, planes=80):
    """Ids at 3 mm with a block of nine planes for each vertebra."""
    array = np.zeros((planes, 20, 20), np.uint8)
    for name, low in vertebrae.items():
        array[low : low + 9, 8:12, 8:12] = label(f"vertebrae_{name}")
    return Volume(array, (3.0, 3.0, 3.0))


def test_levels_count_vertebrae_down_from_c1():
    assert VERTEBRAE[18] == label("vertebrae_T12")
    found = levels.of_planes(spine(LUMBAR))
    assert found[[64, 54, 44, 34]] == pytest.approx([18, 19, 20, 21])
    assert found[59] == pytest.approx((found[64] + found[54]) / 2)
    assert found[34 - 9] - found[34] == pytest.approx(1)  # 27 mm below the last
    assert found[64 + 9] - found[64] == pytest.approx(-1)


def test_a_gap_in_the_vertebrae_counts():
    gap = {name: low for name, low in LUMBAR.items() if name != "L1"}
    assert levels.of_planes(spine(gap)) == pytest.approx(levels.of_planes(spine(LUMBAR)))


def test_a_small_vertebra_out_of_order_does_not_count():
    labels = spine(LUMBAR)
    labels.array[70:74, 2:5, 2:5] = label("vertebrae_L5")
    assert levels.of_planes(labels) == pytest.approx(levels.of_planes(spine(LUMBAR)))


@pytest.mark.parametrize(
    "vertebrae", [{}, {"L1": 30}, {"L1": 50, "T12": 40}, {"T12": 60, "L4": 50, "C2": 40, "L1": 30}]
)
def test_vertebrae_that_do_not_agree_tell_nothing(vertebrae):
    assert levels.of_planes(spine(vertebrae)) is None


def test_a_part_far_from_its_place_is_dropped_and_counted_and_others_stay():
    array, at = spine(LUMBAR).array, levels.of_planes(spine(LUMBAR))
    array[45:50, :4, :4] = label("liver")
    array[60:63, 14:16, 14:16] = label("thyroid_gland")  # at T12
    kept, lost = levels.without_strays(array, at, 3.0)
    assert lost == {"thyroid_gland": 12}
    assert not (kept == label("thyroid_gland")).any()
    assert (kept[kept != array] == 0).all() and (kept == label("liver")).sum() == 5 * 16


def test_of_a_structure_in_two_places_the_one_far_off_goes():
    array, at = spine(LUMBAR).array, levels.of_planes(spine(LUMBAR))
    array[:10, :4, :4] = array[70:75, :4, :4] = label("urinary_bladder")
    kept, lost = levels.without_strays(array, at, 3.0)
    assert lost == {"urinary_bladder": 80}
    assert (kept[:10, :4, :4] == label("urinary_bladder")).all()


def test_the_margin_is_in_vertebrae():
    array, at = spine(LUMBAR).array, levels.of_planes(spine(LUMBAR))
    lower = levels.table()["liver"][1]
    low = int(np.flatnonzero(at > lower + 2)[-1])  # two vertebrae below where livers end
    array[low, :4, :4] = label("liver")
    assert levels.without_strays(array, at, 1.5)[1] == {"liver": 16}
    assert levels.without_strays(array, at, 2.5)[1] == {}


def test_the_table_has_structures_from_above_to_below():
    for name, (upper, lower) in levels.table().items():
        assert name in structures() and upper < lower
    assert not {"vertebrae_L1", "muscles", "subcutaneous_fat"} & levels.table().keys()
    # level 3 is C4, 8 is T2, 18 is T12, 23 is L5: as textbooks of surface anatomy have it
    table = levels.table()
    assert table["glottis"][0] > 3 and table["glottis"][1] < 7
    assert table["kidney_left"][0] > 16 and table["kidney_left"][1] < 23
    assert table["brain"][1] <= 0 and table["urinary_bladder"][0] > 23


@pytest.mark.parametrize(("number", "field"), [(7, "whole"), (3, "chest")])
def test_nothing_of_a_person_of_the_other_family_is_stray(number, field):
    _, labels = ct(person(number, "held_out"), field, 6.0, fine_mm=3.0)
    at = levels.of_planes(labels)
    assert at is not None
    kept, lost = levels.without_strays(labels.array, at, 1.0)
    assert lost == {} and np.array_equal(kept, labels.array)


def test_ranges_are_those_of_the_planes_and_wholes_reach_as_far_as_their_parts():
    labels = spine(LUMBAR)
    labels.array[45:50, :4, :4] = label("heart_atrium_left")
    labels.array[52:55, :4, :4] = label("heart_ventricle_left")
    at = levels.of_planes(labels)
    found = levels.ranges([labels])
    assert found["heart_atrium_left"] == pytest.approx((at[49], at[45]))
    assert found["heart"] == pytest.approx((at[54], at[45]))
    assert "vertebrae_L1" not in found
