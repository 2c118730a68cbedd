"""Training, validation and test reports: a patient is in one of them only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from phantomloom.privacy.reports import Dataset, plain

SHARES = (0.7, 0.1, 0.2)


class Split(NamedTuple):
    """Places of reports in their data set, ascending."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    dataset: Dataset,
    seed: int,
    shares: Sequence[float] = SHARES,
    repeats_together: bool = False,
) -> Split:
    """Return a random split of the patients; each part has about its share of the reports.

    Patients come in a random order and go to the part that lacks most of its share. With
    ``repeats_together`` those who share a text word for word stay together, so that no test
    report was trained on; that looks at the texts and is for measuring, not for a release.

    Raises:
        ValueError: if the shares are not three that add up to 1, or if a part with a share
            stays empty.
    """
    if len(shares) != len(Split._fields) or min(shares) < 0 or not np.isclose(sum(shares), 1):
        raise ValueError(f"split shares: three numbers that add up to 1, not {list(shares)}")
    groups = _groups(dataset, repeats_together)
    sizes = np.bincount(groups)
    lacking = np.array(shares) * len(groups)
    part_of = np.empty(len(sizes), int)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        part_of[group] = np.argmax(lacking)
        lacking[part_of[group]] -= sizes[group]
    parts = Split(*(np.flatnonzero(part_of[groups] == n) for n in range(len(shares))))
    for name, share, part in zip(Split._fields, shares, parts, strict=True):
        if share and not len(part):
            raise ValueError(f"{dataset.name}: too few patients ({len(sizes)}) for a {name} part")
    return parts


def _groups(dataset: Dataset, repeats_together: bool) -> np.ndarray:
    """Return for each report the number of who it must stay together with."""
    names = [report.patient_id for report in dataset.reports]
    _, patients = np.unique(names, return_inverse=True)
    if not repeats_together:
        return patients
    _, texts = np.unique([plain(report.text) for report in dataset.reports], return_inverse=True)
    people = patients.max() + 1
    nodes = people + texts.max() + 1
    links = coo_array((np.ones(len(names)), (patients, people + texts)), shape=(nodes, nodes))
    return connected_components(links, directed=False)[1][patients]
