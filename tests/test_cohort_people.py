"""Persons come from their seed alone, and the families of people do not overlap."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from phantomloom.cohort import person, reference, scanner, scanners, style
from phantomloom.cohort.build import body
from phantomloom.cohort.contrast import hounsfield
from phantomloom.cohort.masses import value, volume_ml
from phantomloom.cohort.painting import whole_grid
from phantomloom.cohort.pelvis import womb
from phantomloom.cohort.people import Person
from phantomloom.cohort.shapes import union
from phantomloom.structures import label

CROWD = [person(seed) for seed in range(60)]
STRANGERS = [person(seed, "held_out") for seed in range(60)]


def with_phase(someone: Person, phase: str) -> np.ndarray:
    return hounsfield(Person(**{**vars(someone), "phase": phase}))


def test_a_person_is_drawn_from_the_seed_alone():
    assert person(7) == person(7)
    assert person(7) != person(8)
    assert person(7) != person(7, "held_out")


def test_the_references_are_those_of_icrp_89():
    assert (reference("M").height_cm, reference("M").weight_kg) == (176, 73)
    assert (reference("F").height_cm, reference("F").weight_kg) == (163, 60)
    assert reference("M").volumes_ml["liver"] == pytest.approx(1800 / 1.05)
    assert reference("F").volumes_ml["brain"] == pytest.approx(1300 / 1.04)


def test_a_child_stands_between_the_ages_of_the_table():
    assert value("height_cm", "M", 5) == 109
    assert value("liver", "F", 7.5) == (570 + 830) / 2
    assert volume_ml("muscle", "M", 40) == volume_ml("muscle", "M", 20)


def test_the_crowd_shows_children_adults_and_old_people_of_both_sexes():
    ages = [someone.age for someone in CROWD]
    assert min(ages) < 16 < 75 < max(ages)
    assert {someone.sex for someone in CROWD} == {"M", "F"}
    assert {someone.arms for someone in CROWD} == {"up", "down"}
    assert {someone.phase for someone in CROWD} == {"none", "arterial", "portal_venous", "late"}
    assert any(someone.rib_pairs != 12 for someone in CROWD)
    assert any(len(someone.kidneys) == 1 for someone in CROWD)
    assert any(someone.hip_prosthesis for someone in CROWD)


@pytest.mark.parametrize("name", style.RANGES["standard"])
def test_the_held_out_family_shares_no_value_with_the_standard_one(name):
    standard = [asdict(someone.style)[name] for someone in CROWD]
    held_out = [asdict(someone.style)[name] for someone in STRANGERS]
    assert min(held_out) > max(standard) or max(held_out) < min(standard)


@pytest.mark.parametrize("name", scanners.RANGES["standard"])
def test_the_held_out_scanners_share_no_value_with_the_standard_ones(name):
    standard = [asdict(scanner(seed))[name] for seed in range(40)]
    held_out = [asdict(scanner(seed, "held_out"))[name] for seed in range(40)]
    assert min(held_out) > max(standard)


def test_a_cyst_is_in_a_kidney_that_is_there_on_either_side():
    crowd = [person(seed) for seed in range(1000)]
    old = [someone for someone in crowd if someone.age > 50]
    assert {someone.cysts for someone in crowd} == {(), ("left",), ("right",)}
    assert all(set(someone.cysts) <= set(someone.kidneys) for someone in crowd)
    assert sum(bool(someone.cysts) for someone in old) == pytest.approx(len(old) / 4, rel=0.25)


def test_an_unknown_family_is_named_in_the_error():
    with pytest.raises(ValueError, match="standard, held_out; got 'giants'"):
        person(1, "giants")


@pytest.mark.parametrize("someone", CROWD[:5], ids=lambda someone: str(someone.seed))
def test_contrast_raises_the_aorta_and_not_the_muscle(someone):
    plain, arterial = with_phase(someone, "none"), with_phase(someone, "arterial")
    assert arterial[label("aorta")] > plain[label("aorta")] + 100
    for name in ("muscles", "subcutaneous_fat", "brain", "vertebrae_L3"):
        assert abs(arterial[label(name)] - plain[label(name)]) < 15


@pytest.mark.parametrize("someone", CROWD[:5], ids=lambda someone: str(someone.seed))
def test_the_phases_follow_the_blood(someone):
    arterial, portal = with_phase(someone, "arterial"), with_phase(someone, "portal_venous")
    aorta, vein, liver = (
        label(name) for name in ("aorta", "portal_vein_and_splenic_vein", "liver")
    )
    assert arterial[aorta] > arterial[vein] + 50
    assert portal[vein] > arterial[vein] + 20
    assert portal[liver] > arterial[liver] + 15
    assert with_phase(someone, "late")[label("urinary_bladder")] > portal[label("urinary_bladder")]


def test_families_share_no_stream_of_random_numbers():
    """A person of the family that judges networks has no colour of one who taught them."""
    ours, theirs = person(7), person(7, "held_out")
    assert ours.random(73).random() != theirs.random(73).random()
    same = replace(ours, family="held_out")
    offsets = hounsfield(ours) - hounsfield(same)
    assert (offsets[[label(name) for name in ("liver", "spleen", "aorta", "muscles")]] != 0).all()


def test_children_of_usual_weight_have_bellies_like_adults_and_heavy_ones_larger():
    def bmi(one):
        return one.weight_kg / (one.height_cm / 100) ** 2

    def middle(people):
        return np.median([one.belly_mm for one in people])

    many = [person(seed) for seed in range(400)]
    young = [one for one in many if one.age < 14]
    usual = [one for one in many if one.age > 18 and 23 < bmi(one) < 26]
    heavy = [one for one in STRANGERS if one.age < 14]
    assert abs(middle(young) - middle(usual)) < 5 and middle(heavy) > middle(young) + 10


def test_a_girl_has_the_frame_of_a_boy_until_puberty():
    girl = replace(person(43), sex="F", age=8.0)
    boy = replace(girl, sex="M")
    woman, man = (replace(one, age=25.0) for one in (girl, boy))
    assert np.array_equal(body(girl).frame.scale_x, body(boy).frame.scale_x)
    assert np.array_equal(body(girl).frame.scale_y, body(boy).frame.scale_y)
    assert not np.array_equal(body(woman).frame.scale_x, body(man).frame.scale_x)


@pytest.mark.parametrize(("age", "grams"), [(5, 3), (10, 4), (15, 30), (30, 80)])
def test_the_uterus_grows_at_puberty_as_icrp_89_has_it(age, grams):
    size = (value("height_cm", "F", age), value("weight_kg", "F", age))
    girl = replace(reference("F"), age=float(age), height_cm=size[0], weight_kg=size[1])
    _, gauge = union(womb(body(girl)), whole_grid(girl, 2.0), 1.0)
    assert 0.85 < (gauge <= 1).sum() * 0.008 * 1.04 / grams < 1.2
