import re

import pytest

from phantomloom.materials import materials
from phantomloom.structures import MODELS, by_id, label, structures

# what the reference system finds: arXiv 2405.11133
COUNTS = {"skeleton": 62, "abdomen": 17, "torso": 61, "body": 5}


def test_the_reference_systems_structures_come_first_and_number_140_and_5_tissues():
    first = [by_id()[i].model for i in range(1, 146)]
    assert {model: first.count(model) for model in MODELS} == COUNTS


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


def test_each_class_of_totalsegmentator_is_mapped_once():
    ids = [i for structure in structures().values() for i in structure.total]
    assert sorted(ids) == list(range(1, 118))


def test_every_structure_has_a_known_material_and_a_colour():
    for structure in structures().values():
        assert structure.material in materials(), structure.name
        assert re.fullmatch("#[0-9a-f]{6}", structure.colour)
        assert structure.model in MODELS


def test_an_unknown_name_is_an_error_that_says_where_names_stand():
    with pytest.raises(KeyError, match=r"structures\.tsv"):
        label("left kidney")
