import math

import pytest
import yaml

from phantomloom.validation import SCHEMAS, faults, schema

RULES = {
    "properties": {
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "up_to": {"anyOf": [{"type": "number"}, {"const": "all"}]},
        "clusters": {"type": "integer", "minimum": 1},
        "name": {"type": "string"},
    },
    "propertyNames": {"pattern": "^[a-z]"},
}


def told(text):
    return [str(fault) for fault in faults(yaml.safe_load(text), RULES)]


@pytest.mark.parametrize(
    "text", ["share: 1", "share: 1.0e-3", "up_to: .inf", "up_to: all", "clusters: 2", "name: '5'"]
)
def test_nothing_is_told_of_what_is_allowed(text):
    assert told(text) == []


@pytest.mark.parametrize("value", ["2.0", "1.0e+3", "true", ".inf"])
def test_a_whole_number_is_one_that_can_count(value):
    (fault,) = told(f"clusters: {value}")
    assert fault.endswith("; allowed: a whole number from 1")


@pytest.mark.parametrize("value", [".nan", "-.inf", "true"])
@pytest.mark.parametrize(("key", "words"), [("share", "over 0 up to 1"), ("up_to", "or all")])
def test_what_no_limit_holds_against_is_no_number(key, words, value):
    (fault,) = told(f"{key}: {value}")
    assert fault.endswith(f"; allowed: a number {words}")


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("share: 1e-2", "0.01"),
        ("share: 1e-7", "1.0e-07"),
        ("share: '1'", "1"),
        ("up_to: inf", ".inf"),
        ("up_to: -2e-3", "-0.002"),
        ("clusters: 1e3", "1000"),
    ],
)
def test_a_text_that_yaml_takes_for_no_number_is_told_with_the_number(line, written):
    (fault,) = told(line)
    assert fault.endswith(f"; write {written}")
    key, value = line.split(": ")
    (number,) = yaml.safe_load(f"{key}: {written}").values()
    assert math.isclose(number, float(yaml.safe_load(value)))
    assert told(f"{key}: {written}") == []


@pytest.mark.parametrize(
    ("rules", "value", "words"),
    [
        (
            {"type": "integer", "minimum": 16, "multipleOf": 16},
            60,
            "from 16 that is a multiple of 16",
        ),
        (
            {"type": "object", "minProperties": 1},
            {},
            "a section of keys of at least this number: 1",
        ),
        ({"type": "array", "maxItems": 4}, [1] * 5, "a list of at most this length: 4"),
        ({"type": "array", "uniqueItems": True}, [1, 1], "a list that has nothing twice"),
        ({"type": "string", "not": {"enum": ["all", "none"]}}, "all", "a text but all or none"),
    ],
)
def test_what_is_told_as_allowed_leaves_out_what_was_refused(rules, value, words):
    (fault,) = faults({"key": value}, {"properties": {"key": rules}})
    assert str(fault).endswith(words)


@pytest.mark.parametrize("name", [file.name.split(".")[0] for file in SCHEMAS.glob("*.yaml")])
def test_every_rule_of_a_schema_has_words(name):
    """One without words would tell as allowed what it refused; a comma cuts a text in braces."""
    spoken = {
        *("type", "const", "enum", "anyOf", "oneOf", "not", "pattern", "required"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "uniqueItems"),
    }
    structure = {
        *("$schema", "$ref", "$defs", "title", "description", "format", "properties", "items"),
        *("additionalProperties", "propertyNames", "allOf", "if", "then", "else"),
    }

    def keywords(rules):
        for key, value in rules.items():
            yield key
            nodes = value.values() if key in ("properties", "$defs") else [value]
            for node in [one for its in nodes for one in (its if isinstance(its, list) else [its])]:
                yield from keywords(node) if isinstance(node, dict) else ()

    assert {*keywords(schema(name))} <= spoken | structure


@pytest.mark.parametrize(
    "line", ["share: 1e3", "clusters: '1.5'", "up_to: nan", "share: x", "'5': 1"]
)
def test_no_number_is_advised_that_is_not_allowed_either(line):
    (fault,) = told(line)
    assert "write" not in fault
