"""The configuration: checked as a whole, its names known, its paths relative to one folder."""

import ast
import os
import re
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from phantomloom.privacy_settings import unusable
from phantomloom.protocols import impossible
from phantomloom.provenance import PACKAGE
from phantomloom.schemes import OWN, named_in, schemes
from phantomloom.structures import MODELS, TABLE, structures
from phantomloom.training_settings import unteachable
from phantomloom.validation import Fault, faults, schema

Keys = tuple[str | int, ...]
PRECEDENCE = ("merge", "precedence")


def resolve(
    config: dict[str, Any], files: Sequence[Path | str], rules: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a checked copy of ``config`` with its paths relative to the working directory.

    Snakemake has merged ``config`` from ``files``, the last one going before the others, and from
    ``--config``, which goes before all. As it can only add keys to those of a file, null removes
    one. A path is relative to the file that names it, or to the working directory if the command
    line does. ``rules`` is the schema, by default ``config.schema.yaml``; there, ``format: path``
    marks what is a path.

    Raises:
        ValueError: naming file, key, value and what is allowed, for all that is wrong.
    """
    rules = schema("config") if rules is None else rules
    contents = {Path(file): yaml.safe_load(Path(file).read_text()) or {} for file in files}
    resolved = _without_nulls(_typed(config, contents))
    if found := faults(resolved, rules) or _wrong_together(resolved):
        lines = [f"{_namer(f.keys, config, contents)}: {f}" for f in found]
        raise ValueError("\n".join(["the configuration cannot be used:", *lines]))
    for keys in _path_keys(resolved, rules):
        value = _at(resolved, keys)
        names = [file for file, content in contents.items() if _at(content, keys) == value]
        folder = names[-1].parent if names else Path()
        _at(resolved, keys[:-1])[keys[-1]] = portable(folder, value)
    return resolved


def _typed(value: Any, contents: dict[Path, Any], keys: Keys = ()) -> Any:
    """Return a copy in which texts that only the command line says are numbers where they can be.

    Snakemake leaves ``--config 'ingest={spacing_mm: 2}'`` as the text "2".
    """
    if isinstance(value, dict):
        return {key: _typed(item, contents, (*keys, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item, contents, (*keys, i)) for i, item in enumerate(value)]
    if isinstance(value, str) and all(_at(content, keys) != value for content in contents.values()):
        for kind in (int, float):
            with suppress(ValueError):
                return kind(value)
        return {"true": True, "false": False, "null": None}.get(value.lower(), value)
    return value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _wrong_together(config: dict[str, Any]) -> list[Fault]:
    """Return the faults of values that the schema allows each by itself."""
    protocols = _at(config, ("simulate", "protocols")) or {}
    return [
        *_unknown_names(config),
        *impossible(protocols, _at(config, ("ingest", "spacing_mm"))),
        *unteachable(_at(config, ("train",)) or {}),
        *unusable(_at(config, ("privacy",)) or {}),
        *_mild_beyond_grave(config),
        *_negative_window(config),
    ]


def _negative_window(config: dict[str, Any]) -> Iterator[Fault]:
    keys = ("library", "pictures", "window_hu")
    low, high = _at(config, keys) or (0, 1)
    if low >= high:
        yield Fault(keys, f"[{low:g}, {high:g}]; allowed: black, then what is white, in more HU")


def _mild_beyond_grave(config: dict[str, Any]) -> Iterator[Fault]:
    """Yield the limits that warn of less than they fail at: what lies between would pass."""
    for check, lower, upper in (
        ("volume", "warn_spreads", "fail_spreads"),
        ("symmetry", "warn_ratio", "fail_ratio"),
        ("clustering", "fail_tail", "warn_tail"),
    ):
        limits = _at(config, ("qc", "checks", check)) or {}
        if {lower, upper} <= limits.keys() and limits[lower] > limits[upper]:
            told = f"{limits[upper]:g}; allowed: from {lower} on, {limits[lower]:g}"
            yield Fault(("qc", "checks", check, upper), told)


def _unknown_names(config: dict[str, Any]) -> Iterator[Fault]:
    """Yield what is named but is not there: plug-ins, checks, structures, the rank of a model."""
    models, checks, columns, precedence = (
        _at(config, keys) or {}
        for keys in (("segment", "models"), ("qc", "checks"), ("library", "volumes"), PRECEDENCE)
    )
    table = f"structures of {TABLE.name}"
    known: dict[Keys, tuple[Container[str], str]] = {
        ("qc", "checks"): _plugins("qc", "check"),
        ("qc", "failing_checks"): (checks, "names under qc.checks"),
        ("phantom", "voxel_formats"): _plugins("phantom/export/voxel", "write"),
        ("phantom", "mesh_formats"): _plugins("phantom/export/mesh", "write"),
        PRECEDENCE: ({*MODELS, *models, *structures()}, f"names under segment.models, {table}"),
    }
    known |= {
        ("segment", "models", m, "engine"): _plugins("segmentation", "segment") for m in models
    }
    known |= {("library", "volumes", column): (structures(), table) for column in columns}
    naming = (schemes(), "a naming scheme: " + ", ".join(schemes()))
    known |= {("segment", "models", m, "scheme"): naming for m in models}
    known |= _names_of_training(config, naming) | _names_of_privacy(config) | _names_of_gan(config)
    for keys, (there, words) in known.items():
        for key, name in _names(_at(config, keys)):
            if name not in there:
                yield Fault((*keys, *key), f"{name!r}; allowed: {words}")
    ranked = [name for _, name in _names(precedence)]
    for name in sorted({name for name in ranked if ranked.count(name) > 1}):
        yield Fault(PRECEDENCE, f"{name!r} is there more than once")
    for model in models:
        if model in structures() and model not in MODELS:
            yield Fault(("segment", "models", model), "is the name of a structure; choose another")
        own = {row.name for row in structures().values() if row.model == model}
        if not {model, *own} & set(ranked):
            yield Fault(PRECEDENCE, f"lacks the model {model!r}; list every model")


Known = dict[Keys, tuple[Container[str], str]]


def _names_of_training(config: dict[str, Any], naming: tuple[Container[str], str]) -> Known:
    labelled = [
        ("train", kind, name)
        for kind in ("cases", "references")
        for name in _at(config, ("train", kind)) or {}
    ]
    known: Known = {(*keys, "scheme"): naming for keys in labelled}
    for keys in labelled:
        scheme = _at(config, keys).get("scheme", OWN)
        if scheme in naming[0]:
            words = f"structures of {TABLE.name} that labels in the scheme {scheme} can show"
            known[(*keys, "structures")] = (named_in(scheme), words)
    recipes = _at(config, ("train", "recipes")) or {}
    after = (recipes, "names under train.recipes")
    return known | {("train", "recipes", recipe, "after"): after for recipe in recipes}


def _names_of_privacy(config: dict[str, Any]) -> Known:
    datasets, models, sweeps = (
        _at(config, ("privacy", kind)) or {} for kind in ("datasets", "models", "sweeps")
    )
    known = _names_of_readers("privacy", datasets)
    for sweep in sweeps:
        known[("privacy", "sweeps", sweep, "datasets")] = (datasets, "names under privacy.datasets")
        known[("privacy", "sweeps", sweep, "models")] = (models, "names under privacy.models")
    return known


def _names_of_gan(config: dict[str, Any]) -> Known:
    datasets, contests = (_at(config, ("gan", kind)) or {} for kind in ("datasets", "contests"))
    made = _plugins("gan/variants", "generator")
    known = _names_of_readers("gan", datasets)
    for contest in contests:
        known[("gan", "contests", contest, "variants")] = made
        for key, part in (("dataset", "train"), ("judged_on", "test")):
            able = [n for n, its in datasets.items() if part in its.get("patients", [part])]
            words = f"names under gan.datasets that have a part {part}"
            known[("gan", "contests", contest, key)] = (able, words)
    told = [its.get("arguments", {}).get("classes") for its in datasets.values()]
    classes = {name for its in told if isinstance(its, dict) for name in its}
    known[("gan", "judging", "flat")] = (classes, f"a class of {' or '.join(sorted(classes))}")
    return known


def _names_of_readers(stage: str, datasets: dict[str, Any]) -> Known:
    at, readers = (stage, "datasets"), _plugins(f"{stage}/data", "read")
    known: Known = {(*at, name, "reader"): readers for name in datasets}
    for name, its in datasets.items():
        if its["reader"] in readers[0]:
            taken = _arguments(f"{stage}/data", its["reader"], "read")
            known[(*at, name, "arguments")] = (taken, " or ".join(taken))
    return known


def _arguments(folder: str, module: str, function: str) -> list[str]:
    """Return what a function of a plug-in takes; it is read, not imported, to start at once."""
    tree = ast.parse((PACKAGE / folder / f"{module}.py").read_text())
    (its,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    return [argument.arg for argument in its.args.args]


def _plugins(folder: str, function: str) -> tuple[list[str], str]:
    """Return the files of ``folder`` in the package that define ``function``, also in words."""
    files = sorted((PACKAGE / folder).glob("*.py"))
    names = [file.stem for file in files if f"\ndef {function}(" in file.read_text()]
    return names, " or ".join(names)


def _names(value: Any) -> list[tuple[Keys, str]]:
    """Return the names in a text, nested lists or the keys of a table, and where each stands."""
    if isinstance(value, str):
        return [((), value)]
    if isinstance(value, dict):
        return [((name,), name) for name in value]
    return [
        ((place, *keys), name)
        for place, item in enumerate(value or ())
        for keys, name in _names(item)
    ]


def portable(folder: Path, path: str) -> str:
    """Return ``path``, which is relative to ``folder``, as relative to the working directory.

    So moving a checkout together with its results changes nothing. A path outside of the working
    directory comes back absolute.
    """
    here = os.path.realpath(Path())
    absolute = os.path.normpath(Path(os.path.realpath(folder)) / os.path.expanduser(path))
    inside = os.path.commonpath([here, absolute]) == here
    return os.path.relpath(absolute, here) if inside else absolute


def _namer(keys: Keys, config: dict[str, Any], contents: dict[Path, Any]) -> str:
    """Return what says the value at ``keys``, or else the part of the config that it is in."""
    value = _at(config, keys)
    for file, content in contents.items():
        part = _at(content, keys[:-1])
        if value is None and isinstance(part, dict) and part.get(keys[-1], "absent") is None:
            return str(file)
    if isinstance(value, str | int | float):
        same = repr(value)  # NaN equals nothing
        names = [str(file) for file, its in contents.items() if repr(_at(its, keys)) == same]
        return names[-1] if names else "--config"
    for depth in range(len(keys), 0, -1):
        parts = {str(file): _at(content, keys[:depth]) for file, content in contents.items()}
        if names := [file for file, part in parts.items() if part is not None]:
            return names[-1]
    return "configuration"


def _at(content: Any, keys: Keys) -> Any:
    """Return the value at ``keys``, None if there is none."""
    for key in keys:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return None
    return content


def _path_keys(value: Any, rules: dict[str, Any], keys: Keys = ()) -> Iterator[Keys]:
    """Yield where ``value``, which obeys the schema ``rules``, holds a path."""
    is_path = rules.get("format") == "path" and isinstance(value, str)
    # a pattern tells paths from names that may stand in their place
    if is_path and re.search(rules.get("pattern", ""), value):
        yield keys
    for branch in (*rules.get("anyOf", ()), *rules.get("oneOf", ())):
        yield from _path_keys(value, branch, keys)
    if isinstance(value, list) and "items" in rules:
        for index, item in enumerate(value):
            yield from _path_keys(item, rules["items"], (*keys, index))
    if isinstance(value, dict):
        others = rules.get("additionalProperties")
        for key, item in value.items():
            below = rules.get("properties", {}).get(key, others)
            if isinstance(below, dict):
                yield from _path_keys(item, below, (*keys, key))
