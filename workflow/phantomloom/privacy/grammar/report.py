"""Report number so-and-so: patient, findings, text and labels from (seed, number) alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.privacy.grammar import dictation
from phantomloom.privacy.grammar.findings import Finding, findings, states
from phantomloom.privacy.grammar.phrases import Voice
from phantomloom.privacy.grammar.statements import Said, said
from phantomloom.privacy.grammar.wording import wording
from phantomloom.privacy.reports import LABEL_SETS, Label, Report

BLOCK = 12  # numbers among which patients are dealt out
MOST_VISITS = 5
CONCLUDED = 0.45  # share of findings that the impression repeats
NO_FINDING, DEVICES = "No Finding", "Support Devices"
# people who label make mistakes: they miss what is there, and take what is only named for it
MISSED, MISTAKEN = 0.02, 0.04


class Written(NamedTuple):
    """A report, and what a reader who makes no mistake would label."""

    report: Report
    faultless: tuple[Label, ...]


def write(seed: int, number: int, label_set: str, grammar: str) -> Written:
    """Return report ``number`` of the series ``seed``; the same whatever else is written.

    Raises:
        ValueError: if there is no such set of labels or grammar.
    """
    if label_set not in LABEL_SETS:
        raise ValueError(f"label_set: {' or '.join(LABEL_SETS)}, not {label_set!r}")
    words = wording(grammar)
    series = (seed, words.number, list(LABEL_SETS).index(label_set))
    first = first_visit(series, number)
    random = np.random.default_rng([*series, 1, number])
    rows = findings(label_set)
    found = states(label_set, np.random.default_rng([*series, 2, first]), random)
    style = dictation.draw(random)
    voice = Voice(random, words, style.kind == "terse")
    told = said(voice, rows, found, label_set == "mimic_cxr")
    conclusions = _conclusions(voice, rows, told)
    text = dictation.text(voice, style, label_set, told.statements, conclusions)
    names = LABEL_SETS[label_set]
    given = [_labelled(random, *pair) for pair in zip(told.labels, told.tempting, strict=True)]
    name = f"{label_set}-{grammar}-{seed}"
    report = Report(f"{name}-{number}", f"{name}-p{first}", text, _complete(names, rows, given))
    return Written(report, _complete(names, rows, told.labels))


def first_visit(series: Sequence[int], number: int) -> int:
    """Return the number of the first report of the patient whose report ``number`` is."""
    block, place = divmod(number, BLOCK)
    random = np.random.default_rng([*series, 0, block])
    first = 0
    while place >= (following := first + int(random.integers(1, MOST_VISITS + 1))):
        first = following
    return block * BLOCK + first


def _conclusions(voice: Voice, rows: Sequence[Finding], told: Said) -> list[str]:
    there = [row for row, label in zip(rows, told.labels, strict=True) if label == 1]
    repeated = [row for row in there if voice.chance(CONCLUDED)]
    if not there:
        return [voice.say("healthy")] if -1 not in told.labels else []
    return [voice.say("fragment", finding=voice.dressed(row)) for row in repeated]


def _labelled(random: np.random.Generator, label: Label, tempting: bool) -> Label:
    draw = random.random()
    if label == 1 and draw < MISSED:
        return 0
    return 1 if label != 1 and tempting and draw < MISTAKEN else label


def _complete(
    names: Sequence[str], rows: Sequence[Finding], given: Sequence[Label]
) -> tuple[Label, ...]:
    """Return ``given`` in the order of ``names``, with "No Finding" where that is a name."""
    labels = dict(zip((row.label for row in rows), given, strict=True))
    others = {label for name, label in labels.items() if name != DEVICES}
    normal: Label = None if others & {1, -1} else 1
    if NO_FINDING not in names:
        return tuple(labels[name] or 0 for name in names)
    return tuple(normal if name == NO_FINDING else labels[name] for name in names)
