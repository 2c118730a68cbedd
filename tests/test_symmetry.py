import pandas as pd
import pytest

from phantomloom.qc import Person
from phantomloom.qc.population import published
from phantomloom.qc.symmetry import check

LIMITS = {"warn_ratio": 2.0, "fail_ratio": 3.5, "smallest_ml": 3.0, "swapped_mm": 10.0}
CONTEXT = (Person(), published(4, seed=0))


def pair(left_ml, right_ml, left_x_mm=50.0, right_x_mm=-50.0, cut=""):
    return pd.DataFrame(
        {
            "name": ["kidney_left", "kidney_right"],
            "volume_ml": [left_ml, right_ml],
            "centroid_x_mm": [left_x_mm, right_x_mm],
            "touches_border": [cut, ""],
        }
    )


@pytest.mark.parametrize(("left", "right", "small"), [(150, 60, "left"), (60, 150, "right")])
def test_partners_that_differ_too_much_are_found_and_the_smaller_is_named(left, right, small):
    (found,) = check(pair(right, left), *CONTEXT, **LIMITS)
    assert (found.structure, found.severity) == (f"kidney_{small}", "warn")


def test_partners_that_differ_grossly_fail():
    (found,) = check(pair(200, 20), *CONTEXT, **LIMITS)
    assert found.severity == "fail"


def test_partners_that_differ_little_are_left_alone():
    assert check(pair(150, 100), *CONTEXT, **LIMITS) == []


def test_a_partner_that_the_field_of_view_cuts_is_not_compared():
    assert check(pair(20, 200, cut="superior"), *CONTEXT, **LIMITS) == []


def test_small_pairs_are_not_compared_because_voxels_decide_them():
    assert check(pair(0.5, 2.5), *CONTEXT, **LIMITS) == []


def test_swapped_sides_fail_even_where_cut():
    (found,) = check(pair(150, 150, -40.0, 60.0, cut="superior"), *CONTEXT, **LIMITS)
    assert (found.severity, found.seen) == ("fail", "100 mm to the right of its partner")


def test_neighbours_of_the_midline_that_cross_a_little_are_a_warning():
    (found,) = check(pair(150, 150, -2.0, 2.0), *CONTEXT, **LIMITS)
    assert found.severity == "warn"


def test_one_partner_alone_is_the_volume_check_s_business():
    assert check(pair(150, 150).head(1), *CONTEXT, **LIMITS) == []


def test_swapping_left_and_right_names_and_places_changes_nothing():
    mirrored = pair(60, 150).assign(name=["kidney_right", "kidney_left"], centroid_x_mm=[-50, 50])
    seen = {f.seen for f in check(mirrored, *CONTEXT, **LIMITS)}
    assert seen == {f.seen for f in check(pair(60, 150), *CONTEXT, **LIMITS)}
