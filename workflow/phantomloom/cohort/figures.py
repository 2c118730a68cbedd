"""How the reference man and woman compare with ICRP 89, for the benchmark."""

from time import process_time

import numpy as np

from phantomloom.benchmark import Row
from phantomloom.cohort.masses import volume_ml
from phantomloom.cohort.painting import labels
from phantomloom.cohort.people import reference
from phantomloom.structures import label, structures

ADULT = 30.0  # years
ORGANS = {  # rows of masses.tsv and what they consist of
    **{name: (name,) for name in ("liver", "spleen", "pancreas", "stomach", "gallbladder")},
    "kidney": ("kidney_right",),  # the mass of one
    "small_intestine": ("small_bowel", "duodenum"),
    "large_intestine": ("colon", "rectum"),
    "brain": ("brain", "brainstem", "optic_chiasm"),
    "muscle": tuple(s.name for s in structures().values() if s.tissue == "muscle"),
}


def of_reference(sex: str) -> list[Row]:
    """Return rows for the reference man "M" or woman "F" on a grid of 3 mm."""
    began = process_time()
    painted = labels(reference(sex), 3.0)
    seconds = process_time() - began
    found = np.bincount(painted.array.ravel(), minlength=256) * painted.voxel_ml
    off = {
        organ: sum(found[label(part)] for part in parts) / volume_ml(organ, sex, ADULT) - 1
        for organ, parts in ORGANS.items()
    }
    worst = max(off, key=lambda organ: abs(off[organ]))
    who = f"reference {'man' if sex == 'M' else 'woman'}"
    return [
        Row(
            f"{who}: worst of {len(off)} organ volumes off ICRP 89, {worst}",
            *(float(100 * abs(off[worst])), "%", 5.0, "lower", "ICRP 89"),
        ),
        Row(f"{who}: labels of the whole body at 3 mm", seconds, "s", 20.0, "lower", "of one core"),
    ]
