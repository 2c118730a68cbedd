"""What a report says of each finding, and the label that a careful reader gives it.

Readers who look for words alone go wrong on purpose here: denials in lists, findings that are
gone or were only asked for, denied changes of what is there ("no interval change of"), back
references, measures on either side of a limit, hedges. All shares are own settings.
"""

from collections.abc import Sequence
from typing import NamedTuple

from phantomloom.privacy.grammar.findings import Finding
from phantomloom.privacy.grammar.phrases import Voice, pick
from phantomloom.privacy.reports import Label

# of what is there: said as unchanged, as changed, as in the last report, by a measure
STABLE, CHANGED, STILL, MEASURED = 0.17, 0.12, 0.07, 0.3
JOINED = 0.25  # of what is there: in one sentence with a denial
# of what is denied: as gone, as gone since the last report, as normal; the rest in lists
GONE, BACK, NORMAL = 0.07, 0.05, 0.15
ASKED = 0.04  # of what is not mentioned: asked for, had before, to be looked for
LONGEST_LIST = 4
# nobody calls a lung clear that one of these clouds
CLOUDED = "lung opacity"
CLOUDING = {"consolidation", "edema", "pneumonia"}


class Statement(NamedTuple):
    """A sentence or two about findings of one region."""

    region: str
    text: str


class Said(NamedTuple):
    """A report's statements, and the label of each finding for who reads them well."""

    statements: list[Statement]
    labels: list[Label]
    tempting: list[bool]  # whether a finding that is not there is named all the same


class Told(NamedTuple):
    """What is told of one finding."""

    label: Label
    text: str = ""  # empty for what is told together with others, or not at all
    tempting: bool = False


def said(voice: Voice, findings: Sequence[Finding], states: Sequence[int], uncertain: bool) -> Said:
    """Return what is said of ``findings`` in ``states``; labels may be -1 where ``uncertain``.

    Otherwise what is likely counts as there, what is hard to exclude does not, as with CT-RATE.
    """
    there = {f.label.lower() for f, state in zip(findings, states, strict=True) if state}
    told = [
        Told(None) if _hushed(finding, there) else _told(voice, finding, state, uncertain)
        for finding, state in zip(findings, states, strict=True)
    ]
    pairs = list(zip(findings, told, strict=True))
    statements = [Statement(finding.region, one.text) for finding, one in pairs if one.text]
    groups = _groups(voice, [f for f, one in pairs if one.label == 0 and not one.text])
    for finding in [f for f, one in pairs if one.label == 1 and not one.text]:
        denied = groups.pop() if groups and voice.chance(JOINED) else ()
        statements.append(Statement(finding.region, _present(voice, finding, denied)))
    for group in groups:
        text = voice.say("absent", list=voice.listed(group), name=voice.listed(group))
        statements.append(Statement(group[0].region, text))
    return Said(statements, [one.label for one in told], [one.tempting for one in told])


def _hushed(finding: Finding, there: set[str]) -> bool:
    """Tell whether to deny ``finding`` would contradict what is ``there``."""
    label = finding.label.lower()
    return label == CLOUDED and label not in there and bool(CLOUDING & there)


def _told(voice: Voice, finding: Finding, state: int, uncertain: bool) -> Told:
    names = {"finding": voice.dressed(finding), "name": voice.name(finding)}
    if state == 1:
        return Told(1)
    if state == -1:
        likely = voice.chance(0.5)
        label = -1 if uncertain else int(likely)
        return Told(label, voice.say("likely" if likely else "unlikely", **names), not likely)
    if voice.chance(finding.denied):
        text = _absent(voice, finding, names)
        return Told(0, text, bool(text))
    if voice.chance(ASKED):
        return Told(None, voice.say("wish" if voice.chance(0.6) else "advice", **names), True)
    return Told(None)


def _present(voice: Voice, finding: Finding, denied: Sequence[Finding]) -> str:
    parts = {"finding": voice.dressed(finding), "name": voice.name(finding)}
    above = voice.wording.findings[finding.label.lower()].above
    if denied:
        return voice.say("both", list=voice.listed(denied), **parts)
    if above and voice.chance(MEASURED):
        return voice.sentence(pick(voice.random, above))
    shares = {"stable": STABLE, "changed": CHANGED, "still": STILL}
    kinds = [*shares, "fragment" if voice.terse else "present"]
    weights = [*shares.values(), 1 - sum(shares.values())]
    return voice.say(str(voice.random.choice(kinds, p=weights)), **parts)


def _absent(voice: Voice, finding: Finding, names: dict[str, str]) -> str:
    """Return a sentence that denies one finding; "" for one that goes into a list."""
    words = voice.wording.findings[finding.label.lower()]
    if words.below and voice.chance(MEASURED):
        return voice.sentence(pick(voice.random, words.below))
    kinds = ["gone", "back", "normal", "listed"]
    weights = [GONE, BACK, NORMAL, 1 - GONE - BACK - NORMAL]
    kind = str(voice.random.choice(kinds, p=weights))
    if kind == "normal":
        return voice.sentence(pick(voice.random, words.normal))
    return "" if kind == "listed" else voice.say(kind, **names)


def _groups(voice: Voice, listed: Sequence[Finding]) -> list[Sequence[Finding]]:
    """Return neighbours of ``listed`` in groups that one sentence denies."""
    groups: list[Sequence[Finding]] = []
    start = 0
    while start < len(listed):
        end = start + int(voice.random.integers(1, LONGEST_LIST + 1))
        groups.append(listed[start:end])
        start = end
    return groups
