"""The sections of a radiology report, found by their headings.

Follows the rules published with MIMIC-CXR (Johnson et al., Scientific Data 2019; the code is
``mimic-cxr/txt/section_parser.py``) without its list of single studies: a heading begins a line
and ends in a colon, its spellings mean one name, and where no wanted section is there the last
paragraph stands for the report. A heading that is not known stays in the section around it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

PREAMBLE = "preamble"
SPELLINGS = {
    "findings": r"findings?(?: and impressions?|/impressions?)?|report|narrative",
    "impression": r"(?:final |preliminary )?impress?ions?|conclusions?|opinion|summary|assessment"
    r"|interpretation",
    "history": r"(?:(?:brief |clinical |patient |medical |relevant )*histor(?:y|ies)"
    r"|clinical (?:information|data|details|question|background)|family history)",
    "indication": r"(?:clinical )?indications?(?: for (?:the )?(?:study|exam(?:ination)?))?"
    r"|reason for (?:the |this )?(?:study|exam(?:ination)?|request)",
    "technique": r"techniques?(?: and findings)?|protocol|procedures?|contrast|views?",
    "comparison": r"comparisons?(?: (?:studies|study|exams?))?|compared (?:to|with)|prior studies",
    "examination": r"exam(?:ination)?s?(?: type)?|study|type of (?:exam(?:ination)?|study)",
    "recommendation": r"recommendations?|notifications?|advice|plan",
    "final report": r"final report|wet read|addendum|preliminary report",
}
# a picture's name in capitals heads the findings: "PA AND LATERAL VIEWS OF THE CHEST:"
PICTURE = r"[A-Z ,&/0-9-]*\b(?:CHEST|RADIOGRAPHS?)\b[A-Z ,&/0-9-]*"
HEADING = re.compile(
    r"^[ \t]*(?:"
    + "|".join(f"(?P<{name.replace(' ', '_')}>(?i:{way}))" for name, way in SPELLINGS.items())
    + f"|(?P<picture>{PICTURE}))[ \t]*:",
    re.MULTILINE,
)


class Section(NamedTuple):
    """A stretch of a report under one heading."""

    name: str  # of SPELLINGS, or PREAMBLE
    text: str


def sections(text: str) -> list[Section]:
    """Return the sections in their order; what stands before the first heading is the preamble."""
    headings = list(HEADING.finditer(text))
    starts = [*(heading.start() for heading in headings), len(text)]
    before = text[: starts[0]].strip()
    found = [Section(PREAMBLE, before)] if before else []
    for heading, end in zip(headings, starts[1:], strict=True):
        name = str(heading.lastgroup).replace("_", " ").replace("picture", "findings")
        found.append(Section(name, text[heading.end() : end].strip()))
    return found


def joined(text: str, wanted: Sequence[str]) -> str:
    """Return the sections called ``wanted``, in that order, or else the last paragraph.

    Raises:
        ValueError: if a wanted name is none that is known.
    """
    if unknown := set(wanted) - SPELLINGS.keys():
        raise ValueError(
            f"sections: {', '.join(SPELLINGS)} are known, not {', '.join(sorted(unknown))}"
        )
    found = sections(text)
    parts = [part.text for name in wanted for part in found if part.name == name and part.text]
    if parts:
        return "\n\n".join(parts)
    last = re.split(r"\n[ \t]*\n", text.strip())[-1]
    return HEADING.sub("", last).strip()
