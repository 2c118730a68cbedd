"""A labeller that needs no training: a public lexicon, and what denies or weakens a mention.

Cues and their reach follow NegEx (Chapman et al., Journal of Biomedical Informatics 2001) and the
three steps of the CheXpert labeller (Irvin et al., AAAI 2019): mentions, their status, their sum.
The lexicon (``rules.yaml``) was written from medical knowledge before the grammars' wordings, and
none of these was added to it; afterwards a body's cavity ceased to be a lesion.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from phantomloom.privacy.reports import Label, Labels
from phantomloom.privacy.sections import sections

LEXICON = Path(__file__).with_suffix(".yaml")
NOT_FINDINGS = {"history", "indication", "technique", "comparison", "examination"}
# a stop ends a sentence unless it stands in a number; so do blank lines and items of a list
SENTENCE_END = re.compile(r"(?:^|\n)\s*(?:\d+[.)]|[-*•])\s|(?<!\d)[.;!?]+|[.;!?]+(?!\d)|\n\s*\n")
CUES = ("before", "after", "unsure_before", "unsure_after", "not_now", "end", "none_of_these")
NO_FINDING, DEVICES, ANYTHING_ELSE = "No Finding", "Support Devices", "anything else"
# "..." of the lexicon: words of one clause; one that denies or calls normal ends the bridge
STOPS = "no|not|without|normal|free|but|clear|unremarkable|preserved"
BRIDGE = rf"(?:[ ,/-]+(?!(?:{STOPS})\b)\w+){{0,8}}?[ ,/-]+"
WEIGHT = {1: 1.0, -1: 0.5, 0: -1.0, None: 0.0}


class Lexicon(NamedTuple):
    """Patterns over lower-case sentences."""

    mentions: dict[str, re.Pattern]  # of each finding, by its label in lower case
    unless: dict[str, re.Pattern]  # what looks like a mention and is none
    normal: dict[str, re.Pattern]  # phrases that say a finding's absence without its name
    cues: dict[str, re.Pattern]


@cache
def lexicon() -> Lexicon:
    """Return the lexicon, compiled."""
    content = yaml.safe_load(LEXICON.read_text(encoding="utf-8"))
    findings = content["findings"]
    return Lexicon(
        {name: _pattern(row["mentions"]) for name, row in findings.items()},
        {name: _pattern(row["unless"]) for name, row in findings.items() if "unless" in row},
        {name: _pattern(row["normal"]) for name, row in findings.items() if "normal" in row},
        {name: _pattern(content["cues"][name]) for name in CUES},
    )


def labels(text: str, label_names: Sequence[str], wholly_normal: bool = False) -> Labels:
    """Return what the rules read in ``text`` for each label.

    "No Finding" means that nothing of the other labels but devices is there (CheXpert), or with
    ``wholly_normal`` that nothing else is there either (normal in Open-i's index).

    Raises:
        KeyError: if the lexicon does not know a label.
    """
    known = {name: name.lower() for name in label_names if name != NO_FINDING}
    if unknown := set(known.values()) - lexicon().mentions.keys():
        raise KeyError(f"{LEXICON.name} knows no {', '.join(sorted(unknown))}")
    read = sentences(text)
    found = {name: _label(read, finding) for name, finding in known.items()}
    told = [label for name, label in found.items() if wholly_normal or name != DEVICES]
    told += [_label(read, ANYTHING_ELSE)] if wholly_normal else []
    normal: Label = None if {1, -1} & set(told) else 1
    return tuple(normal if name == NO_FINDING else found[name] for name in label_names)


def features(
    texts: Sequence[str], label_names: Sequence[str], wholly_normal: bool = False
) -> np.ndarray:
    """Return float32 [N, L]: 1 present, 0.5 uncertain, 0 not mentioned, -1 absent.

    It looks at each report alone and learns from none, so it costs no privacy.
    """
    rows = [[WEIGHT[label] for label in labels(t, label_names, wholly_normal)] for t in texts]
    return np.array(rows, np.float32).reshape(len(rows), len(label_names))


def sentences(text: str) -> list[str]:
    """Return the sentences in lower case, less those of sections that tell no findings."""
    told = [part.text for part in sections(text) if part.name not in NOT_FINDINGS]
    parts = [part for body in told for part in SENTENCE_END.split(body.lower())]
    return [clean for part in parts if (clean := " ".join(part.split()))]


def _pattern(ways: Sequence[str]) -> re.Pattern:
    return re.compile(r"\b(?:" + "|".join(ways).replace(" ... ", BRIDGE) + r")\b")


def _blank(match: re.Match) -> str:
    return "~" * len(match.group())


@lru_cache(maxsize=2**18)
def _statuses(sentence: str, finding: str) -> frozenset[Label]:
    """Return the statuses of a sentence's mentions of ``finding``."""
    words = lexicon()
    searched = sentence
    if finding in words.unless:
        searched = words.unless[finding].sub(_blank, sentence)
    mentions = words.mentions[finding].finditer(searched)
    found = {_status(sentence, mention.start(), mention.end()) for mention in mentions}
    if finding in words.normal and words.normal[finding].search(sentence):
        found.add(0)
    return frozenset(found)


def _status(sentence: str, start: int, end: int) -> Label:
    """Return the status of the mention at ``start`` to ``end``: its clause's cues decide.

    Words that only look like a denial ("no change in") are blanked first.
    """
    cues = lexicon().cues
    blank = cues["none_of_these"].sub(_blank, sentence)
    ends = [m for m in cues["end"].finditer(blank) if m.start() >= end or m.end() <= start]
    first = max((m.end() for m in ends if m.end() <= start), default=0)
    last = min((m.start() for m in ends if m.start() >= end), default=len(blank))
    before, after = blank[first:start], blank[end:last]
    if cues["not_now"].search(before):
        return None
    if cues["before"].search(before) or cues["after"].search(after):
        return 0
    unsure = cues["unsure_before"].search(before) or cues["unsure_after"].search(after)
    return -1 if unsure else 1


def _label(read: Sequence[str], finding: str) -> Label:
    """Return what the sentences add up to: present outweighs uncertain, and that absent."""
    statuses = frozenset[Label]().union(*(_statuses(sentence, finding) for sentence in read))
    ranking: tuple[Label, ...] = (1, -1, 0)
    return next((label for label in ranking if label in statuses), None)
