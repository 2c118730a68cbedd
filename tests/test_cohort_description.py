"""What a person's file says, held to its schema and to who the person is."""

import pytest

from phantomloom.cohort import description, person
from phantomloom.validation import faults, schema


@pytest.mark.parametrize("family", ["standard", "held_out"])
def test_everybody_fits_the_schema(family):
    scan = {"status": "done", "field_of_view": "chest", "scanner": 0}
    for number in range(200):
        assert not faults({**description(person(number, family)), **scan}, schema("person"))


def test_a_description_names_the_number_and_what_is_unusual():
    people = [person(number) for number in range(200)]
    told = [description(who) for who in people]
    assert [who["number"] for who in told] == list(range(200))
    single = [who["kidneys"] for who in told if len(who["kidneys"]) == 1]
    assert single == [list(who.kidneys) for who in people if len(who.kidneys) == 1]
    assert single
    assert {who["hip_prosthesis"] for who in told} == {None, "left", "right"}
