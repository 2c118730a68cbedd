"""Reports with their labels, and what the labels mean for training and scoring."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

MIMIC_CXR_LABELS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum"),
    *("Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion"),
    *("Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices"),
)
CT_RATE_LABELS = (
    *("Medical material", "Arterial wall calcification", "Cardiomegaly", "Pericardial effusion"),
    *("Coronary artery wall calcification", "Hiatal hernia", "Lymphadenopathy", "Emphysema"),
    *("Atelectasis", "Lung nodule", "Lung opacity", "Pulmonary fibrotic sequela"),
    *("Pleural effusion", "Mosaic attenuation pattern", "Peribronchial thickening"),
    *("Consolidation", "Bronchiectasis", "Interlobular septal thickening"),
)
LABEL_SETS = {"mimic_cxr": MIMIC_CXR_LABELS, "ct_rate": CT_RATE_LABELS}

Label = int | None  # 1, 0, -1, None: present, absent, uncertain, not mentioned
Labels = tuple[Label, ...]
Uncertain = Literal["zeros", "ones", "ignore"]


class Report(NamedTuple):
    """One report, of one examination of one patient."""

    report_id: str
    patient_id: str
    text: str
    labels: Labels  # in the order of the data set's label_names


class Dataset(NamedTuple):
    """Reports that share their labels."""

    name: str
    label_names: tuple[str, ...]
    reports: tuple[Report, ...]


class Targets(NamedTuple):
    """Labels as numbers."""

    values: np.ndarray  # float32 [N, L]: 1 present, 0 absent or not mentioned
    known: np.ndarray  # bool [N, L]: False where the label is to be ignored

    def at(self, rows: np.ndarray) -> "Targets":
        """Return those of some rows."""
        return Targets(self.values[rows], self.known[rows])


def targets(rows: Sequence[Labels], uncertain: Uncertain) -> Targets:
    """Return ``rows`` as numbers; ``uncertain`` labels count as 0, as 1, or are not known.

    What a report does not mention is absent (Irvin et al. 2019, CheXpert, section 4).

    Raises:
        ValueError: if there is no such policy.
    """
    policies = {"zeros": 0.0, "ones": 1.0, "ignore": 0.0}
    if uncertain not in policies:
        raise ValueError(f"uncertain: {', '.join(policies)} are allowed, not {uncertain!r}")
    given = np.array([[0 if label is None else label for label in row] for row in rows])
    known = (given >= 0) | (uncertain != "ignore")
    return Targets(np.where(given < 0, policies[uncertain], given).astype(np.float32), known)


def without_repeats(dataset: Dataset) -> Dataset:
    """Return the reports less those whose words and labels their own patient has already.

    Repeats between patients stay: to remove one of them would tell of the other's.
    """
    first = {(r.patient_id, plain(r.text), r.labels): r for r in reversed(dataset.reports)}
    kept = set(map(id, first.values()))
    return dataset._replace(reports=tuple(r for r in dataset.reports if id(r) in kept))


def plain(text: str) -> str:
    """Return ``text`` in lower case with single spaces: what makes two reports the same."""
    return " ".join(text.lower().split())
