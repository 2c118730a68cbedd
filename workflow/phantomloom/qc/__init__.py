"""Quality checks. A check is a module with one function, pure and a matter of milliseconds:

``check(measurements, person, population, **limits) -> list[Finding]``. ``measurements`` is the
table of ``measure``, ``population`` that of ``qc.population``; a check ignores what it need not
know.
"""

from typing import NamedTuple

import pandas as pd

from phantomloom.structures import within

FAIL, WARN, NOT_JUDGED = "fail", "warn", "not judged"


class Finding(NamedTuple):
    """What a check saw, in words that a radiographer understands."""

    structure: str
    expected: str
    seen: str
    severity: str  # FAIL, WARN or NOT_JUDGED


class Person(NamedTuple):
    """What the case sheet or else the scan says; None where it says nothing."""

    sex: str | None = None  # M or F
    age_years: float | None = None

    @property
    def adult(self) -> bool:
        """Whether adult reference values apply; an unknown age counts as adult."""
        return self.age_years is None or self.age_years >= ADULT_YEARS


ADULT_YEARS = 18


def severity(excess: bool) -> str:
    """Return FAIL for findings beyond the failing limit, else WARN."""
    return FAIL if excess else WARN


def not_judged(needed: str, came: str) -> list[Finding]:
    """Return what a check says that cannot judge a case: silence would read as "all is well"."""
    return [Finding("all structures", needed, came, NOT_JUDGED)]


CYSTS = {"kidney_cyst_left", "kidney_cyst_right"}  # published kidneys are without
OF_PARTS = {  # networks that find all these need not find the whole
    "heart": {
        *("myocardium", "heart_atrium_left", "heart_atrium_right"),
        *("heart_ventricle_left", "heart_ventricle_right"),
    }
}


def with_parts(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the structures by name, volume and cut faces of each with those of its parts.

    Where one model finds a heart and another its chambers, the label map has the chambers and
    what is left of the heart, which may be nothing.
    """
    rows = measurements.set_index("name")
    result = rows.copy()
    whole = [n for n, its in OF_PARTS.items() if n not in rows.index and its <= {*rows.index}]
    for name in (*rows.index, *whole):
        its = rows[rows.index.isin(within(name) - CYSTS)]
        if {*its.index} - {name}:
            faces = dict.fromkeys(" ".join(its.touches_border).split())
            result.loc[name, ["volume_ml", "touches_border"]] = its.volume_ml.sum(), " ".join(faces)
    return result


def whole(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the structures that the field of view does not cut, by name, see ``with_parts``."""
    rows = with_parts(measurements)
    return rows[rows.touches_border == ""]
