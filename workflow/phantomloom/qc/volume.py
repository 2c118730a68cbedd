"""Structures have plausible volumes, judged one by one against published ones (volumes.tsv)."""

import math
from functools import cache
from pathlib import Path

import pandas as pd

from phantomloom.qc import CYSTS, WARN, Finding, Person, not_judged, severity, with_parts
from phantomloom.structures import structures

TABLE = Path(__file__).with_name("volumes.tsv")


@cache
def reference() -> pd.DataFrame:
    """Return the published volumes by structure.

    Columns: male_ml, female_ml (arithmetic means; empty where the sex has none), variation (SD over
    mean), expected_with (structures between which it lies: when a scan wholly holds these, it
    must hold this one), source.
    """
    return pd.read_csv(TABLE, sep="\t", index_col="name", keep_default_na=True)


def check(
    measurements: pd.DataFrame,
    person: Person,
    population: pd.DataFrame,
    warn_spreads: float,
    fail_spreads: float,
) -> list[Finding]:
    """Return a finding for each structure outside its published range, or unexpectedly absent.

    The range reaches so many spreads (SD of the logarithm) to either side of the median; it spans
    both sexes where the person's is unknown. A structure that the field of view cuts is judged
    by the upper limit alone. What the person's sex has not is grave from the least volume on that
    the other sex has, and mild where none is published. Children are not judged: the reference is
    adult.
    """
    if not person.adult:
        return not_judged("an adult, as the published volumes are", f"{person.age_years:g} years")
    rows = with_parts(measurements)
    foreign = [n for n in rows.index if {person.sex, structures()[n].sex} == {*SEXES}]
    findings = [_foreign(name, rows.volume_ml[name], fail_spreads) for name in foreign]
    for name in reference().index.drop(foreign, errors="ignore").astype(str):
        row = reference().loc[name]
        if name in rows.index:
            findings += _judge(name, row, rows.loc[name], person.sex, (warn_spreads, fail_spreads))
        else:
            findings += _absent(name, row, measurements, person.sex)
    return findings


def limits_ml(row: pd.Series, sex: str | None, spreads: float) -> tuple[float, float]:
    """Return the least and greatest plausible volume; log-normal with the row's variation."""
    means = [row[column] for key, column in SEXES.items() if sex in (key, None)]
    medians = [mean / math.sqrt(1 + row.variation**2) for mean in means if mean > 0]
    factor = math.exp(spreads * math.sqrt(math.log(1 + row.variation**2)))
    return min(medians, default=0.0) / factor, max(medians, default=0.0) * factor


SEXES = {"M": "male_ml", "F": "female_ml"}


def _judge(
    name: str, row: pd.Series, seen: pd.Series, sex: str | None, spreads: tuple[float, float]
) -> list[Finding]:
    (low, high), (least, most) = (limits_ml(row, sex, spread) for spread in spreads)
    cut = seen.touches_border != ""
    if seen.volume_ml <= high and (cut or seen.volume_ml >= low):
        return []
    expected = f"up to {_ml(high)} ml" if cut else f"{_ml(low)} to {_ml(high)} ml"
    words = f"{_ml(seen.volume_ml)} ml" + (", cut by the field of view" if cut else "")
    fails = seen.volume_ml > most or (not cut and seen.volume_ml < least)
    return [Finding(name, expected, words, severity(fails))]


def _foreign(name: str, volume_ml: float, spreads: float) -> Finding:
    row = reference().loc[name] if name in reference().index else None
    least = math.inf if row is None else limits_ml(row, None, spreads)[0]
    words = "none, as the person's sex has none"
    return Finding(name, words, f"{_ml(volume_ml)} ml", severity(volume_ml > least))


def _absent(
    name: str, row: pd.Series, measurements: pd.DataFrame, sex: str | None
) -> list[Finding]:
    if not isinstance(row.expected_with, str) or limits_ml(row, sex, 0)[1] == 0:
        return []
    if any(structures()[there].parent == name for there in {*measurements.name} - CYSTS):
        return []  # found in its parts
    around = row.expected_with.split()
    held = set(measurements.name[measurements.touches_border == ""])
    if not held.issuperset(around):
        return []
    neighbours = " and ".join(around)
    return [Finding(name, f"present, as the scan holds {neighbours}", "absent (removed?)", WARN)]


def _ml(volume_ml: float) -> str:
    return f"{volume_ml:.0f}" if volume_ml >= 10 else f"{volume_ml:.1f}"
