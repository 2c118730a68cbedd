import re

import pytest

from phantomloom.materials import materials
from phantomloom.structures import MODELS, by_id, label, structures, within

# what the reference system finds: arXiv 2405.11133
COUNTS = {"skeleton": 62, "abdomen": 17, "torso": 61, "body": 5}


def test_the_reference_systems_structures_come_first_and_number_140_and_5_tissues():
    first = [by_id()[i].model for i in range(1, 146)]
    assert {model: first.count(model) for model in MODELS} == COUNTS
    assert sum(COUNTS.values()) == 145


def test_ids_are_dense_and_fit_uint8():
    assert sorted(by_id()) == list(range(1, len(structures()) + 1))
    assert max(by_id()) < 256


def test_partners_are_mutual_and_on_opposite_sides():
    for structure in structures().values():
        if structure.partner:
            partner = structures()[structure.partner]
            assert partner.partner == structure.name
            assert {structure.side, partner.side} == {"left", "right"}
            assert structure.model == partner.model


def test_a_structure_has_a_side_when_its_name_has():
    for structure in structures().values():
        words = set(structure.name.split("_")) & {"left", "right"}
        assert words == ({structure.side} if structure.side else set())


def test_parents_exist_lie_on_the_same_side_and_never_go_round():
    for structure in structures().values():
        seen = [structure.name]
        while parent := structures()[seen[-1]].parent:
            assert parent not in seen
            assert structures()[parent].side in ("", structure.side)
            seen.append(parent)


def test_partners_have_the_same_or_mirrored_parents():
    for structure in structures().values():
        if structure.partner:
            parent, other = structure.parent, structures()[structure.partner].parent
            assert other in (parent, parent and structures()[parent].partner)


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("heart_atrium_left", "heart"),
        ("myocardium", "heart"),
        ("lung_middle_lobe_right", "lung"),
        ("rib_left_12", "bones"),
        ("autochthon_right", "muscles"),
        ("optic_chiasm", "brain"),
        ("eye_lens_left", "eye_globe_left"),
        ("kidney_cyst_right", "kidney_right"),
        ("aorta", ""),
        ("costal_cartilages", ""),
    ],
)
def test_parts_belong_to_their_wholes(part, whole):
    assert structures()[part].parent == whole


# Verhoeff's check digit (1969) by the dihedral group of the pentagon: rotations 0-4,
# reflections 5-9. SNOMED CT, "Release File Specification", part 6.3, uses it in every identifier.


def composed(a, b):
    """One symmetry of the pentagon after another, from what each does to its corners."""
    turn = a % 5 + b % 5 if a < 5 else a % 5 - b % 5
    return turn % 5 + (5 if (a < 5) != (b < 5) else 0)


def is_checked(code):
    permuted = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    value = 0
    for place, digit in enumerate(map(int, reversed(code))):
        for _ in range(place % 8):
            digit = permuted[digit]
        value = composed(value, digit)
    return value == 0


def is_international_concept(code):
    return bool(re.fullmatch(r"[1-9]\d{5,17}", code)) and code[-3:-1] == "00" and is_checked(code)


def test_the_check_of_codes_knows_good_from_bad():
    assert is_checked("2363")  # the worked example of Wikipedia's article on Verhoeff
    assert is_international_concept("138875005")  # the root concept of SNOMED CT
    assert not is_international_concept("138875006")  # a wrong check digit
    assert not is_international_concept("138857005")  # two digits swapped
    assert not is_international_concept("121589010")  # the description of a concept
    assert not any(is_checked(f"13887500{digit}") for digit in "012346789")


def test_snomed_codes_are_those_of_international_concepts():
    codes = {s.name: s.snomed for s in structures().values() if s.snomed}
    assert len(codes) > 150
    assert [name for name, code in codes.items() if not is_international_concept(code)] == []


def test_only_left_and_right_share_a_code():
    named = {}
    for structure in structures().values():
        if structure.snomed:
            named.setdefault(structure.snomed, []).append(structure)
    for first, *others in named.values():
        assert [other.name for other in others] in ([], [first.partner])


def test_every_structure_has_a_known_material_and_a_colour():
    for structure in structures().values():
        assert structure.material in materials(), structure.name
        assert re.fullmatch("#[0-9a-f]{6}", structure.colour)
        assert structure.model in MODELS


def test_an_unknown_name_is_an_error_that_says_where_names_stand():
    with pytest.raises(KeyError, match=r"structures\.tsv"):
        label("left kidney")


def test_a_structure_holds_its_parts_and_theirs():
    assert {"heart", "myocardium"} <= within("heart")
    assert "eye_lens_left" in within("face")
    assert within("liver") == {"liver"}
