"""Voxel formats. Each module has ``write(labels, folder)`` and ``read(folder) -> Substances``."""

from typing import NamedTuple

from phantomloom.volume import Volume


class Substances(NamedTuple):
    """The material at every voxel, which is what all voxel formats keep."""

    indices: Volume
    materials: dict[int, str]  # name of the material behind each index
