"""What a JSON schema forbids, told to people: what came and what is allowed."""

import math
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import yaml

SCHEMAS = Path(__file__).parents[1] / "schemas"


def _is_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    """Tell a number, which NaN is not: it passes every limit."""
    return checker.is_type(value, "integer") or (isinstance(value, float) and value > -math.inf)


# by JSON schema 2.0 is an integer too, and ends as TypeError where something is counted with it
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


class Fault(NamedTuple):
    """A value that a schema forbids."""

    keys: tuple[str | int, ...]  # the way to it from the root
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.keys)) or 'the whole'}: {self.message}"


@cache
def schema(name: str) -> dict[str, Any]:
    """Return ``workflow/schemas/<name>.schema.yaml``."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())


def faults(content: Any, rules: dict[str, Any]) -> list[Fault]:
    """Return all that the schema ``rules`` forbids in ``content``, in a stable order.

    Keys are texts: YAML reads 1001 as a number and no as false, which no schema would tell.
    """
    if odd := list(_odd_keys(content)):
        return odd
    errors = Validator(rules).iter_errors(content)
    found = {fault for error in errors for fault in _faults(error)}
    return sorted(found, key=lambda fault: ([str(key) for key in fault.keys], fault.message))


def _odd_keys(content: Any, keys: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yield the keys that are no texts."""
    if isinstance(content, list):
        for number, value in enumerate(content):
            yield from _odd_keys(value, (*keys, number))
    elif isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                yield Fault((*keys, key), "a key is a text; put it in quotes")
            yield from _odd_keys(value, (*keys, key))


def _faults(error: jsonschema.exceptions.ValidationError) -> Iterator[Fault]:
    keys = tuple(error.absolute_path)
    rules: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(rules.get("properties", {}))
        for key in sorted(set(value) - set(known)):
            yield Fault((*keys, key), f"unknown; {_suggest(str(key), known)}")
    elif error.validator == "required":
        for key in sorted(set(rules["required"]) - set(value)):
            its = rules.get("properties", {}).get(key, rules.get("additionalProperties"))
            yield Fault((*keys, key), f"missing; needed: {allowed(its or {})}")
    elif error.context and isinstance(value, dict):
        for below in _meant(error.context):
            yield from _faults(below)
    else:
        yield Fault(keys, f"{value!r}; allowed: {allowed(rules)}{_advice(error)}")


def _advice(error: jsonschema.exceptions.ValidationError) -> str:
    """Say how to write a text that means an allowed number: YAML reads 1e-2 as a text."""
    if not isinstance(error.instance, str) or error.validator == "pattern":
        return ""
    try:
        value = float(error.instance)
    except ValueError:
        return ""
    number = int(value) if value.is_integer() else value
    allows = Validator(error.schema).is_valid(number)
    return f"; write {yaml.safe_dump(number).split()[0]}" if allows else ""


def _meant(errors: list[jsonschema.exceptions.ValidationError]) -> list[Any]:
    """Return, of the alternatives' errors, those of the one that the value comes nearest to."""
    by_branch: dict[Any, list[Any]] = {}
    for error in errors:
        by_branch.setdefault(error.schema_path[0], []).append(error)
    return min(by_branch.values(), key=lambda its: sum(map(_gravity, its)))


def _gravity(error: jsonschema.exceptions.ValidationError) -> int:
    """Return 1 for a fault of a key, 0 for one deeper, and much if not even the type is right."""
    depth = len(error.relative_path)
    return 1000 if not depth and error.validator == "type" else int(depth <= 1)


def _suggest(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"


def allowed(rules: dict[str, Any]) -> str:
    """Return in words what the schema node ``rules`` allows."""
    words = _words(rules)
    return f"{words} ({rules['description']})" if "description" in rules else words


def _words(rules: dict[str, Any]) -> str:
    if choices := rules.get("anyOf") or rules.get("oneOf"):
        return " or ".join(map(_words, choices))
    if "const" in rules or "enum" in rules:
        return " or ".join(map(str, rules.get("enum", [rules.get("const")])))
    kind = rules.get("type", "any value")
    kinds = [kind] if isinstance(kind, str) else [one for one in kind if one != "null"]
    return " or ".join(NAMES.get(one, one) for one in kinds) + _limits(rules)


NAMES = {
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section of keys",
}


def _limits(rules: dict[str, Any]) -> str:
    limits = {
        "exclusiveMinimum": "over",
        "minimum": "from",
        "exclusiveMaximum": "below",
        "maximum": "up to",
        "multipleOf": "that is a multiple of",
        "minLength": "of at least this length:",
        "maxLength": "of at most this length:",
        "minItems": "of at least this length:",
        "maxItems": "of at most this length:",
        "minProperties": "of at least this number:",
        "pattern": "of the form",
    }
    told = [f" {word} {rules[key]}" for key, word in limits.items() if key in rules]
    if rules.get("uniqueItems"):
        told.append(" that has nothing twice")
    if taken := rules.get("not"):
        told.append(f" but {_words(taken)}")
    return "".join(told)
