"""A population of stylised people whose every structure is known."""

from phantomloom.cohort.contrast import hounsfield
from phantomloom.cohort.description import description
from phantomloom.cohort.imaging import ct
from phantomloom.cohort.painting import labels, levels
from phantomloom.cohort.people import Person, person, reference
from phantomloom.cohort.scanners import Scanner, scanner

__all__ = [
    "Person",
    "Scanner",
    "ct",
    "description",
    "hounsfield",
    "labels",
    "levels",
    "person",
    "reference",
    "scanner",
]
