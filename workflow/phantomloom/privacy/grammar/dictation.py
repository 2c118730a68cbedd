"""From statements to a text: dictation styles, sections, what tells nothing, typing errors."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.privacy.grammar.phrases import Voice, pick
from phantomloom.privacy.grammar.statements import Statement

STYLES = ("prose", "terse", "structured", "numbered")
CAPITALS = 0.06  # share of reports in capitals
HEADED = 0.7  # share with headings
CARELESS, ERROR_RATE = 0.4, 0.04  # share with typing errors; largest share of their words
FILLERS = 3
WORD = re.compile(r"[A-Za-z]{4,}")


class Style(NamedTuple):
    """How somebody dictates."""

    kind: str  # of STYLES
    headed: bool
    capitals: bool
    errors: float  # share of words with a typing error


def draw(random: np.random.Generator) -> Style:
    """Return a style."""
    errors = random.uniform(0, ERROR_RATE) if random.random() < CARELESS else 0.0
    headed, capitals = random.random() < HEADED, random.random() < CAPITALS
    return Style(pick(random, STYLES), bool(headed), bool(capitals), float(errors))


def text(
    voice: Voice,
    style: Style,
    label_set: str,
    statements: Sequence[Statement],
    conclusions: Sequence[str],
) -> str:
    """Return the report: what it was made for, how, what is seen, what follows of it."""
    fillers = [voice.say("filler") for _ in range(voice.random.integers(FILLERS + 1))]
    body = _body(voice, style, statements, fillers)
    if style.kind == "numbered":
        conclusions = [f"{i}. {sentence}" for i, sentence in enumerate(conclusions, 1)]
    parts = {"history": voice.say("history"), "technique": voice.say(f"technique_{label_set}")}
    parts |= {"comparison": voice.say("comparison"), "findings": body}
    parts |= {"impression": ("\n" if style.kind == "numbered" else " ").join(conclusions)}
    kept = {k: v for k, v in parts.items() if v and (k == "findings" or voice.chance(0.75))}
    headings = voice.wording.headings
    lines = [f"{headings[k]}: {v}" if style.headed else v for k, v in kept.items()]
    written = misspelt(voice.random, "\n\n".join(lines), style.errors)
    return written.upper() if style.capitals else written


def misspelt(random: np.random.Generator, written: str, share: float) -> str:
    """Return ``written`` with an error in the given share of its longer words."""

    def error(match: re.Match) -> str:
        word = match.group()
        if random.random() >= share:
            return word
        at = int(random.integers(1, len(word) - 1))
        head, letter, following, tail = word[:at], word[at], word[at + 1], word[at + 2 :]
        other = "abcdefghijklmnopqrstuvwxyz"[int(random.integers(26))]
        ways = (following + letter, following, letter * 2 + following, other + following)
        return head + pick(random, ways) + tail

    return WORD.sub(error, written) if share else written


def _body(
    voice: Voice, style: Style, statements: Sequence[Statement], fillers: Sequence[str]
) -> str:
    order = voice.random.permutation(len(statements)).tolist()
    told = [statements[i] for i in order]
    if style.kind != "structured":
        sentences = [statement.text for statement in told]
        for filler in fillers:
            sentences.insert(int(voice.random.integers(len(sentences) + 1)), filler)
        return " ".join(sentences)
    lines = [
        f"{name}: " + " ".join(statement.text for statement in told if statement.region == region)
        for region, name in voice.wording.regions.items()
        if any(statement.region == region for statement in told)
    ]
    return "\n".join([*lines, *fillers])
