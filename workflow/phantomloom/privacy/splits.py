"""Training, validation and test reports: a patient is in one of them only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from phantomloom.privacy.reports import Dataset, plain
from phantomloom.splitting import SHARES, drawn_parts


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

    With ``repeats_together`` those who share a text word for word stay together, so that no test
    report was trained on; that looks at the texts and is for measuring, not for a release.

    Raises:
        ValueError: as ``splitting.drawn_parts`` does.
    """
    parts = drawn_parts(_groups(dataset, repeats_together), shares, seed, dataset.name)
    return Split(*(np.flatnonzero(parts == part) for part in Split._fields))


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
