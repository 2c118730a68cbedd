"""Segmentation engines, one module each: ``segment(ct, weights, device, **settings)``.

``ct`` holds HU, ``weights`` is the folder or file that the config names, ``device`` is cpu, cuda
or cuda:N, and further arguments are the engine's own settings in the config.
"""

from typing import NamedTuple

from phantomloom.volume import Volume


class UnusableLabelsError(ValueError):
    """Given labels that cannot be used: a fault of the data, told to people, never of the code."""


class Confidence(NamedTuple):
    """How sure a network is of a structure that it found."""

    probability: float  # mean over the structure's voxels, 0 to 1
    boundary_entropy_bits: float  # mean Shannon entropy of the classes over its boundary voxels


class Segmentation(NamedTuple):
    """What an engine found on the grid of the CT."""

    labels: Volume  # uint8 ids of the structure table, 0 where the model claims nothing
    confidence: dict[str, Confidence]  # by name of the structure; empty where an engine tells none
    training_scans: tuple[str, ...] | None = None  # seen in training; None: the weights do not say
