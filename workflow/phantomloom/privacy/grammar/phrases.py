"""Phrases and sentences of a wording: slots filled, findings dressed with degree and place."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from phantomloom.privacy.grammar.findings import Finding
from phantomloom.privacy.grammar.wording import Wording

PARAPHRASED = 0.2  # share of mentions that describe a finding instead of naming it
DRESSED = 0.45  # probability of a degree, and of a place
SLOT = re.compile(r"\{(\w+)\}")
# no article follows these
BARE = re.compile(
    r"\b(new|persistent|former|earlier|previous|probable|questionable|presumably|appreciable|no|any"
    r"|without|episode of|history of|resolution of|clearing of|change (?:of|in)|improvement of"
    r"|regression of|for|to exclude|evidence of|sign of) an? ",
    re.IGNORECASE,
)
PREPOSITION = re.compile(r"(?:in|at|on|of|throughout) ")
SLOTS: dict[str, Callable[[np.random.Generator], str]] = {
    "side": lambda random: pick(random, ("left", "right")),
    "n": lambda random: str(random.integers(4, 11)),
    "mm": lambda random: str(random.integers(3, 22)),
    "cm": lambda random: f"{random.uniform(1.1, 5):.1f}",
    "aorta": lambda random: str(random.integers(28, 44)),
    "ratio_large": lambda random: f"{random.uniform(0.52, 0.66):.2f}",  # limit 0.5
    "ratio_normal": lambda random: f"{random.uniform(0.38, 0.48):.2f}",
    "node_large": lambda random: str(random.integers(11, 28)),  # limit 10 mm, short axis
    "node_normal": lambda random: str(random.integers(3, 10)),
}


class Voice(NamedTuple):
    """Who dictates: one report's random numbers, words and habits."""

    random: np.random.Generator
    wording: Wording
    terse: bool  # leaves out articles and verbs

    def chance(self, probability: float) -> bool:
        """Return True with ``probability``."""
        return bool(self.random.random() < probability)

    def say(self, template: str, **parts: str) -> str:
        """Return a sentence of the templates called ``template``, with a capital and a stop."""
        chosen = pick(self.random, self.wording.templates[template])
        said = SLOT.sub(lambda slot: parts.get(slot[1], slot[0]), chosen)
        return self.sentence(BARE.sub(r"\1 ", said))

    def sentence(self, text: str) -> str:
        """Return ``text`` with its slots filled, a capital and a stop."""
        filled = SLOT.sub(lambda slot: SLOTS[slot[1]](self.random), text)
        return filled[0].upper() + filled[1:] + ("" if filled.endswith(".") else ".")

    def name(self, finding: Finding) -> str:
        """Return a finding's name or, seldom, a description of it."""
        words = self.wording.findings[finding.label.lower()]
        ways = words.paraphrases if self.chance(PARAPHRASED) else words.names
        return self._with_article("", pick(self.random, ways), "")

    def dressed(self, finding: Finding) -> str:
        """Return a finding's name with a degree and a place, each at times."""
        words, pools = self.wording.findings[finding.label.lower()], self.wording.pools
        if self.chance(PARAPHRASED):
            return self._with_article("", pick(self.random, words.paraphrases), "")
        core = pick(self.random, words.names)
        before, after = [], ""
        if finding.degree in pools and self.chance(DRESSED):
            before.append(pick(self.random, pools[finding.degree]))
        if finding.where in pools and self.chance(DRESSED):
            place = pick(self.random, pools[finding.where])
            after = f" {place}" if PREPOSITION.match(place) else ""
            before += [] if after else [place]
        return self._with_article(" ".join(before), core, after)

    def listed(self, findings: Sequence[Finding]) -> str:
        """Return the names of ``findings`` as "A, B or C"."""
        *first, last = [re.sub("^an? ", "", self.name(finding)) for finding in findings]
        return f"{', '.join(first)} or {last}" if first else last

    def _with_article(self, before: str, core: str, after: str) -> str:
        bare = re.sub("^an? ", "", core)
        text = f"{before} {bare}{after}".strip()
        if self.terse or bare == core:
            return text
        return ("an " if text[0] in "aeiou" else "a ") + text


def pick(random: np.random.Generator, ways: Sequence[str]) -> str:
    """Return one of ``ways``."""
    return ways[int(random.integers(len(ways)))]
