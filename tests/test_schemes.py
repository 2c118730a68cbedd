import numpy as np
import pytest

from phantomloom.schemes import (
    OWN,
    PART,
    classes_of,
    ids_of,
    means_part,
    named_in,
    schemes,
    structure_of,
    translated,
)
from phantomloom.structures import label, structures

FOREIGN = [name for name in schemes() if name != OWN]
TOTALSEGMENTATOR = [name for name in FOREIGN if name != "vista3d" and "xcat" not in name]


@pytest.mark.parametrize("scheme", TOTALSEGMENTATOR)
def test_every_class_of_a_task_of_totalsegmentator_has_its_row(scheme):
    installed = pytest.importorskip("totalsegmentator.map_to_binary", reason="an extra")
    rows = {foreign.id: foreign.name for foreign in classes_of(scheme)}
    assert rows == installed.class_map[scheme]


def test_total_has_117_classes_and_none_is_dropped():
    assert sorted(c.id for c in classes_of("total")) == list(range(1, 118))
    assert all(c.structure for c in classes_of("total"))


@pytest.mark.parametrize("scheme", FOREIGN)
def test_a_class_means_a_structure_or_is_dropped_for_a_reason(scheme):
    for foreign in classes_of(scheme):
        assert bool(foreign.structure) == (foreign.note in ("", PART)), foreign
        assert foreign.structure in {"", *structures()}
    assert any(foreign.structure for foreign in classes_of(scheme))


def test_what_a_scheme_names_in_part_it_does_not_show():
    assert named_in("liver_vessels") == frozenset()
    assert {"liver", "pancreas", "lung", "colon"} <= named_in("vista3d")  # they have other classes
    assert means_part("Hepatic_Tumor", "vista3d") and not means_part("liver", "vista3d")
    assert named_in("liver_segments") == {"liver"}
    assert named_in("abdominal_muscles") == {"autochthon_left", "autochthon_right"}
    assert named_in("lung_nodules") == {"lung"}  # a class of its own, beside the nodules


@pytest.mark.parametrize("scheme", FOREIGN)
def test_a_scheme_uses_an_id_or_a_name_once(scheme):
    ids = [foreign.id for foreign in classes_of(scheme) if foreign.id is not None]
    assert len(set(ids)) == len(ids)
    assert not ids or min(ids) > 0
    names = [foreign.name.lower() for foreign in classes_of(scheme)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scheme", FOREIGN)
def test_left_stays_left_and_right_stays_right(scheme):
    for foreign in classes_of(scheme):
        if not foreign.structure:
            continue
        words = foreign.name.lower().replace("_", " ").split()
        (side,) = set(words) & {"left", "right"} or {""}
        assert structures()[foreign.structure].side in ("", side), foreign


def test_a_name_never_means_two_structures():
    meant = {}
    for scheme in schemes():
        for foreign in classes_of(scheme):
            words = tuple(sorted(foreign.name.lower().replace("_", " ").split()))
            assert meant.setdefault(words, foreign.structure) == foreign.structure, foreign


def test_vista3d_has_132_classes_at_the_ids_of_its_paper():
    assert [foreign.id for foreign in classes_of("vista3d")] == list(range(1, 133))
    ids = {foreign.name: foreign.id for foreign in classes_of("vista3d")}
    spot = {"liver": 1, "left kidney": 14, "brain": 22, "left lung upper lobe": 28}
    spot |= {"vertebrae L5": 33, "vertebrae C1": 56, "left rib 1": 63, "right rib 12": 86}
    spot |= {"right iliopsoas": 107, "thyroid gland": 126, "airway": 132}
    assert {name: ids[name] for name in spot} == spot


@pytest.mark.parametrize(
    ("scheme", "model", "count"),
    [
        ("xcat_skeleton", "skeleton", 62),
        ("xcat_others", "torso", 61),
        ("xcat_abdomen", "abdomen", 17),
        ("xcat_body_composition", "body", 5),
    ],
)
def test_the_references_data_sets_hold_its_structures(scheme, model, count):
    meant = {foreign.structure for foreign in classes_of(scheme)}
    assert len(meant) == count
    assert {structures()[name].model for name in meant} == {model}


@pytest.mark.parametrize(
    ("name", "scheme", "expected"),
    [
        ("Kidney Left", None, "kidney_left"),
        ("left-kidney", None, "kidney_left"),
        ("vertebrae_S1", None, "sacrum"),
        ("heart_myocardium", "total_v1", "myocardium"),
        ("left lung upper lobe", "vista3d", "lung_upper_lobe_left"),
        ("torso_fat", None, "visceral_fat"),
        ("LN_presacral", "xcat_others", "lymph_nodes_presacral"),
        ("eye_globe_left", OWN, "eye_globe_left"),
    ],
)
def test_a_name_is_understood_in_any_spelling(name, scheme, expected):
    assert structure_of(name, scheme).name == expected


def test_a_dropped_class_is_known_and_means_nothing():
    assert structure_of("kidney", "vista3d") is None


@pytest.mark.parametrize(("name", "scheme"), [("left wing", None), ("vertebrae_L6", "total")])
def test_an_unknown_name_is_an_error_with_that_name(name, scheme):
    with pytest.raises(KeyError, match=name):
        structure_of(name, scheme)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_ids_are_translated_whatever_their_type(dtype):
    total = np.array([[[0, 5], [26, 25]]], dtype)
    ours = translated(total, "total")
    assert ours.dtype == np.uint8
    assert ours.tolist() == [[[0, label("liver")], [label("sacrum"), label("sacrum")]]]


def test_ids_of_dropped_classes_become_0():
    assert translated(np.array([2, 1], np.uint8), "vista3d").tolist() == [0, label("liver")]


def test_our_own_ids_stay():
    ours = np.array([0, *(row.id for row in structures().values())], np.int16)
    assert (translated(ours, OWN) == ours).all()


def test_unknown_ids_are_all_listed():
    with pytest.raises(ValueError, match="total has no label -1, 200, 30000"):
        translated(np.array([5, 200, -1, 30000], np.int16), "total")


def test_an_unknown_scheme_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'tatol'.*total.*vista3d"):
        translated(np.zeros(3, np.uint8), "tatol")
    with pytest.raises(ValueError, match="tatol"):
        structure_of("liver", "tatol")


def test_ids_that_are_not_published_are_not_guessed():
    with pytest.raises(ValueError, match="xcat_others are not published"):
        translated(np.array([1], np.uint8), "xcat_others")


def test_classes_become_structures_and_dropped_ones_nothing():
    ids = ids_of({1: "kidney_left", 2: "soft_palate", 5: "Liver"}, "here")
    assert ids.tolist() == [0, label("kidney_left"), 0, 0, 0, label("liver")]
