import pandas as pd
import pytest

from phantomloom.qc import NOT_JUDGED, Person
from phantomloom.qc.population import published
from phantomloom.qc.volume import check, limits_ml, reference
from phantomloom.structures import structures

LIMITS = {"warn_spreads": 3.0, "fail_spreads": 4.5}
MAN = Person("M", 40)
NOBODY = published(4, seed=0)
SIDES = ("left", "right")


def table(cut="", **volumes_ml):
    return pd.DataFrame(
        {"name": list(volumes_ml), "volume_ml": list(volumes_ml.values()), "touches_border": cut}
    )


def test_published_mean_volumes_are_left_alone():
    means = reference().male_ml.dropna()
    assert check(table(**means), MAN, NOBODY, **LIMITS) == []


@pytest.mark.parametrize("liver_ml", [170, 10_000])
def test_a_tenth_or_six_times_of_a_liver_fails(liver_ml):
    (found,) = check(table(liver=liver_ml), MAN, NOBODY, **LIMITS)
    assert (found.structure, found.severity) == ("liver", "fail")
    assert f"{liver_ml} ml" in found.seen


def test_a_moderately_large_liver_is_a_warning():
    (found,) = check(table(liver=4000), MAN, NOBODY, **LIMITS)
    assert found.severity == "warn"


def test_a_structure_that_the_field_of_view_cuts_cannot_be_too_small_but_too_large():
    assert check(table("superior", liver=20), MAN, NOBODY, **LIMITS) == []
    assert len(check(table("superior", liver=20_000), MAN, NOBODY, **LIMITS)) == 1


def test_an_unknown_sex_widens_the_range_to_both():
    row = reference().loc["heart"]
    low, high = limits_ml(row, None, 3)
    assert low == limits_ml(row, "F", 3)[0] < limits_ml(row, "M", 3)[0]
    assert high == limits_ml(row, "M", 3)[1] > limits_ml(row, "F", 3)[1]


def test_limits_at_no_spread_meet_in_the_median_of_the_log_normal():
    row = pd.Series({"male_ml": 100.0, "female_ml": 100.0, "variation": 0.5})
    assert limits_ml(row, "M", 0) == (pytest.approx(89.44, abs=0.01),) * 2


def test_absence_is_found_only_where_the_scan_holds_the_neighbours():
    around = {"vertebrae_T12": 50, "vertebrae_L3": 60}
    rest = reference().male_ml.dropna().drop("spleen")
    (found,) = check(table(**around, **rest), MAN, NOBODY, **LIMITS)
    assert (found.structure, found.severity) == ("spleen", "warn")
    assert check(table("superior", **around), MAN, NOBODY, **LIMITS) == []


def test_an_organ_that_is_there_in_parts_is_not_absent():
    around = {"vertebrae_T4": 30, "vertebrae_T9": 35}
    rest = reference().male_ml.dropna().drop("heart")
    parts = {"myocardium": 300, "heart_ventricle_left": 120}
    assert [f.structure for f in check(table(**around, **rest), MAN, NOBODY, **LIMITS)] == ["heart"]
    assert check(table(**around, **rest, **parts), MAN, NOBODY, **LIMITS) == []


def test_an_organ_that_is_there_whole_and_in_parts_has_the_volume_of_both():
    merged = table(heart=160, myocardium=480, heart_ventricle_left=160)
    assert check(merged, MAN, NOBODY, **LIMITS) == []
    merged.loc[merged.name == "myocardium", "touches_border"] = "inferior"
    merged.volume_ml /= 10
    assert check(merged, MAN, NOBODY, **LIMITS) == []  # cut in part, so cut


def test_a_heart_of_nothing_but_parts_is_judged_by_their_sum():
    sides = [f"heart_{room}_{side}" for room in ("atrium", "ventricle") for side in SIDES]
    for ml, severity in ((800, "fail"), (150, None), (5, "fail")):
        found = check(table(myocardium=ml, **dict.fromkeys(sides, ml)), MAN, NOBODY, **LIMITS)
        assert [f.severity for f in found if f.structure == "heart"] == [severity] * bool(severity)
    assert check(table(heart_atrium_left=80), MAN, NOBODY, **LIMITS) == []  # the rest is not sought


def test_a_cyst_does_not_stand_for_a_kidney_that_is_gone():
    around = {"vertebrae_T12": 50, "vertebrae_L3": 60, "kidney_cyst_left": 50}
    rest = reference().male_ml.dropna().drop("kidney_left")
    found = check(table(**around, **rest), MAN, NOBODY, **LIMITS)
    assert [(f.structure, f.seen) for f in found] == [("kidney_left", "absent (removed?)")]


def test_a_speck_of_what_the_sex_has_not_is_a_warning_and_a_whole_one_fails():
    for volume_ml, severity in ((0.14, "warn"), (17, "fail")):
        (found,) = check(table(prostate=volume_ml), Person("F", 40), NOBODY, **LIMITS)
        assert (found.structure, found.severity) == ("prostate", severity)


ONE_SEX = [(row.name, row.sex) for row in structures().values() if row.sex]


@pytest.mark.parametrize(("name", "sex"), ONE_SEX)
def test_a_structure_of_one_sex_is_told_of_the_other_and_not_of_an_unknown_one(name, sex):
    other = "F" if sex == "M" else "M"
    severity = "fail" if name in reference().index else "warn"  # no least volume is published
    for person, severities in ((other, [severity]), (sex, []), (None, [])):
        found = check(table(**{name: 15}), Person(person, 40), NOBODY, **LIMITS)
        assert [f.severity for f in found if f.structure == name] == severities


def test_the_published_volumes_and_the_structures_agree_on_who_has_them():
    for column, other in (("male_ml", "F"), ("female_ml", "M")):
        lacking = reference().index[reference()[column].isna()]
        assert set(lacking) == {n for n, sex in ONE_SEX if sex == other} & set(reference().index)


def test_a_cyst_does_not_enlarge_a_kidney():
    assert check(table(kidney_left=190, kidney_cyst_left=900), MAN, NOBODY, **LIMITS) == []


def test_children_are_not_judged_by_adult_values():
    (told,) = check(table(liver=400), Person("F", 4), NOBODY, **LIMITS)
    assert (told.severity, told.seen) == (NOT_JUDGED, "4 years")


def test_each_reference_volume_is_of_a_known_structure_and_says_its_source():
    table = reference()
    assert set(table.index) <= set(structures())
    assert table.source.str.len().min() > 10
    neighbours = {name for row in table.expected_with.dropna() for name in row.split()}
    assert neighbours <= set(structures())
