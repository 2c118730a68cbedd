"""What cannot be in a scan: what lies too far above or below what its labels show.

A naming scheme without eyes says nothing of eyes, and networks that learn from its labels may put
them into an abdomen unpunished. How far structures keep from each other people tell, of whom every
structure is known.
"""

from collections.abc import Sequence

import numpy as np

from phantomloom.segmentation.training.targets import TrainingCase
from phantomloom.structures import by_id

FEWEST = 10  # people who show both structures
NEARER = 0.5  # of the smallest distance in people that others may come to
WITNESSES = 3  # bones that must say so: one label may be astray, and vessels end anywhere


def distances(people: Sequence[TrainingCase]) -> np.ndarray:
    """Return how far at least one structure lies above another, voxels [256 upper, 256 lower].

    From the lower one's last plane to the upper one's first; 0 where they overlap in anyone, or
    where too few people show both.
    """
    ends = np.full((2, len(people), 256), np.nan)  # first plane, plane after the last
    for number, case in enumerate(people):
        for i, box in case.boxes.items():
            ends[:, number, i] = box[0].start, box[0].stop
    apart = np.zeros((256, 256))
    for upper in np.flatnonzero(~np.isnan(ends[0]).all(0)):
        gaps = ends[0][:, upper, None] - ends[1]
        shown = (~np.isnan(gaps)).sum(0) >= FEWEST
        apart[upper, shown] = np.nanmin(gaps[:, shown], axis=0).clip(min=0)
    return apart


def absent(scan: TrainingCase, apart: np.ndarray) -> frozenset[str]:
    """Return the structures that cannot be in ``scan``, by its bones and ``distances``."""
    votes = np.zeros(256, int)
    for i, box in scan.boxes.items():
        if by_id()[i].tissue != "bone":
            continue
        above = box[0].stop + NEARER * apart[:, i] >= scan.labels.shape[0]
        below = box[0].start - NEARER * apart[i] <= 0
        votes += ((apart[:, i] > 0) & above) | ((apart[i] > 0) & below)
    return frozenset(by_id()[i].name for i in by_id() if votes[i] >= WITNESSES)
