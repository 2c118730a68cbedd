"""The two sets of words: ``public.yaml`` to pretrain on, ``benchmark.yaml`` to be judged by.

They share no name, paraphrase, sentence or template, so that whoever learnt from the public
grammar has never seen how the benchmark says it.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

FILES = {"public": "public.yaml", "benchmark": "benchmark.yaml"}


class Words(NamedTuple):
    """How a wording says one finding."""

    names: tuple[str, ...]
    paraphrases: tuple[str, ...]  # describe it and leave the conclusion to the reader
    normal: tuple[str, ...]  # sentences that say its absence
    above: tuple[str, ...] = ()  # sentences with a measure beyond the limit
    below: tuple[str, ...] = ()  # sentences with a measure within it


class Wording(NamedTuple):
    """All that a grammar says."""

    number: int
    findings: dict[str, Words]  # by label in lower case
    templates: dict[str, tuple[str, ...]]
    pools: dict[str, tuple[str, ...]]
    regions: dict[str, str]
    headings: dict[str, str]


@cache
def wording(name: str) -> Wording:
    """Return the wording called ``name``.

    Raises:
        ValueError: if there is none.
    """
    if name not in FILES:
        raise ValueError(f"grammar: {' or '.join(FILES)}, not {name!r}")
    content = yaml.safe_load(Path(__file__).with_name(FILES[name]).read_text())
    findings = {
        label: Words(**{part: tuple(ways) for part, ways in words.items()})
        for label, words in content["findings"].items()
    }
    tables = {
        part: {k: tuple(v) for k, v in content[part].items()} for part in ("templates", "pools")
    }
    return Wording(
        list(FILES).index(name),
        findings,
        **tables,
        regions=content["regions"],
        headings=content["headings"],
    )
