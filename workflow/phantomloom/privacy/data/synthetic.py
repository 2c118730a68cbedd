"""Reports that a grammar wrote: the embedded data, nobody's."""

from phantomloom.privacy.grammar.report import write
from phantomloom.privacy.reports import LABEL_SETS, Dataset


def read(
    reports: int, label_set: str = "mimic_cxr", grammar: str = "benchmark", seed: int = 0
) -> Dataset:
    """Return the first ``reports`` of the series ``seed``, one to five a patient.

    ``grammar`` is "public", to pretrain on, or "benchmark". The series of the two differ.

    Raises:
        ValueError: if there is no such set of labels or grammar.
    """
    written = [write(seed, number, label_set, grammar).report for number in range(reports)]
    if not written:
        raise ValueError(f"reports: at least 1, not {reports}")
    names = LABEL_SETS[label_set]
    return Dataset(f"synthetic_{label_set}_{grammar}", names, tuple(written))
