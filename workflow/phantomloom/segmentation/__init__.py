"""Segmentation engines, one module each: ``segment(ct, weights, device) -> Segmentation``."""

from typing import NamedTuple

from phantomloom.volume import Volume


class Segmentation(NamedTuple):
    """What an engine found on the grid of the CT."""

    labels: Volume  # uint8 ids of the structure table, 0 where the model claims nothing
    confidence: dict[str, float]  # mean probability inside each structure found, by name
