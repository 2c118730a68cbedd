"""What of the settings of training under differential privacy cannot be, told before anything runs.

The schema bounds each value by itself; here stand the bounds that values set to each other.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from phantomloom.validation import Fault

HEAD = {"directions": 32, "whiten": False, "gain": 1.0}  # of ``privacy.method.Method``


def unusable(privacy: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what cannot be in the section ``privacy``, which obeys the schema alone."""
    if privacy:
        told = (*_patients(privacy), *_shares(privacy), *_rows(privacy), *_heads(privacy))
        for keys, message in told:
            yield Fault(("privacy", *keys), message)


Told = Iterator[tuple[tuple[str | int, ...], str]]


def _patients(privacy: Mapping[str, Any]) -> Told:
    """Yield the data sets of reports whose patients nobody names, where privacy is theirs."""
    for name, its in privacy["datasets"].items():
        unit = its.get("study", {}).get("unit", privacy["study"]["unit"])
        named = its["reader"] != "csv_table" or its["arguments"].get("patient_column")
        if unit == "patient" and not named:
            told = "lack patient_column, and the unit of privacy is patient: name it, or say report"
            yield ("datasets", name, "arguments"), told


def _shares(privacy: Mapping[str, Any]) -> Told:
    """Yield the shares of the parts by which nobody could train and test."""
    studies: dict[tuple[str, ...], Any] = {("study",): privacy["study"]}
    studies |= {
        ("datasets", n, "study"): d.get("study", {}) for n, d in privacy["datasets"].items()
    }
    for keys, its in studies.items():
        if "shares" in its:
            train, _, test = shares = its["shares"]
            if not math.isclose(sum(shares), 1, rel_tol=1e-5) or not train or not test:
                told = f"{shares}; allowed: three that add up to 1, training and test over 0"
                yield (*keys, "shares"), told


def _rows(privacy: Mapping[str, Any]) -> Told:
    """Yield the rows of private methods that one before them leaves nothing to do."""
    for number, (before, its) in enumerate(pairwise(privacy["methods"]["private"]), start=1):
        if its["up_to"] <= before["up_to"]:
            told = (
                f"{its['up_to']:g}; allowed: over {before['up_to']:g}, that of the row before it, "
                "or this row would never be taken"
            )
            yield ("methods", "private", number, "up_to"), told


def _heads(privacy: Mapping[str, Any]) -> Told:
    """Yield where a method goes on from another head than its own."""
    for level in ("lora", "full"):
        its = privacy["methods"][level]
        first = its.get("first", its)
        for key, default in HEAD.items():
            mine, other = (row.get(key, default) for row in (its, first))
            if mine != other:
                told = f"{other}; allowed: {mine}, as of the method that goes on from it"
                yield ("methods", level, "first", key), told
