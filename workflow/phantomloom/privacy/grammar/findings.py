"""Which findings a person's report tells of: drawn at realistic prevalence, and together.

A finding is there when a standard normal number passes the quantile of its prevalence, and
uncertain in a band below. The number is a sum of what ails the patient (``CAUSES``), so findings
of one cause come together, and of parts that stay with the patient or change between visits.
Prevalences in ``findings.tsv`` are rounded from the published tables of MIMIC-CXR (Johnson et
al. 2019) and CT-RATE (Hamamci et al. 2024); loadings, shares and mentions are own settings.
"""

from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from phantomloom.io import tsv

TABLE = Path(__file__).with_suffix(".tsv")
CAUSES = ("failure", "infection", "tumour", "airways", "vessels", "acute")
LASTING = 0.6  # share of a cause's variance that stays with the patient


class Finding(NamedTuple):
    """A label as the grammar knows it."""

    label: str
    region: str
    where: str  # pool of places, or "none"
    degree: str  # pool of degrees, or "none"
    lowest: float  # number above which it is there
    doubtful: float  # number above which it is uncertain
    denied: float  # probability that a report denies it where it is absent
    chronic: float  # share of its own variance that stays with the patient
    loadings: tuple[float, ...]  # on CAUSES


@cache
def findings(label_set: str) -> tuple[Finding, ...]:
    """Return the findings of a label set."""
    return tuple(_finding(row) for row in tsv.rows(TABLE) if row["label_set"] == label_set)


def states(label_set: str, patient: np.random.Generator, visit: np.random.Generator) -> list[int]:
    """Return 1 present, -1 uncertain or 0 absent for each of ``findings``."""
    rows = findings(label_set)
    loadings = np.array([row.loadings for row in rows])
    chronic = np.array([row.chronic for row in rows])
    causes = _mixed(patient, visit, np.full(len(CAUSES), LASTING))
    own = _mixed(patient, visit, chronic)
    numbers = loadings @ causes + np.sqrt(1 - (loadings**2).sum(1)) * own
    return [
        1 if number > row.lowest else -1 if number > row.doubtful else 0
        for row, number in zip(rows, numbers, strict=True)
    ]


def _mixed(
    patient: np.random.Generator, visit: np.random.Generator, lasting: np.ndarray
) -> np.ndarray:
    """Return standard normal numbers of which the share ``lasting`` is the patient's."""
    stays, changes = patient.standard_normal(len(lasting)), visit.standard_normal(len(lasting))
    return np.sqrt(lasting) * stays + np.sqrt(1 - lasting) * changes


def _finding(row: dict[str, str]) -> Finding:
    present, uncertain = float(row["present"]), float(row["uncertain"])
    quantile = NormalDist().inv_cdf
    return Finding(
        *(row["label"], row["region"], row["where"], row["degree"]),
        lowest=quantile(1 - present),
        doubtful=quantile(1 - present - uncertain),
        denied=float(row["denied"]),
        chronic=float(row["chronic"]),
        loadings=tuple(float(row[cause]) for cause in CAUSES),
    )
