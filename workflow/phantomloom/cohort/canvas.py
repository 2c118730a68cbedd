"""A label map under the brush: who paints first keeps a voxel, so nothing overlaps.

A structure with a known volume grows or shrinks until it holds that volume of free voxels: its
level is a quantile of its gauge over what is free, occlusion included, without iteration. Levels
found on one grid can be given to another, which then shows the same person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from phantomloom.cohort.envelope import LEAN, Envelope
from phantomloom.cohort.shapes import Box, Part, box_of, union
from phantomloom.cohort.unnamed import painted_id
from phantomloom.structures import label
from phantomloom.volume import Volume

REACH = 1.4  # how far a structure may grow, as a multiple of its drawn size
SHRINK = 0.5
SPECK = 0.05  # of the largest part: smaller ones are cut off and left to others


@dataclass
class Canvas:
    """Labels on a grid, with the body's envelope and the levels so far."""

    grid: Volume
    envelope: Envelope
    given: dict[str, float] | None = None
    levels: dict[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> np.ndarray:
        """The ids, uint8 [Z, Y, X]."""
        return self.grid.array

    def paint(
        self,
        name: str,
        parts: Sequence[Part],
        where: int = LEAN,
        volume_ml: float | None = None,
        reach: float = REACH,
    ) -> None:
        """Give ``name`` the free voxels of ``where`` within its parts, or ``volume_ml`` of them."""
        box, gauge = union(parts, self.grid, 1.0 if volume_ml is None else reach)
        free = (self.labels[box] == 0) & ((self.envelope.regions[box] & where) != 0)
        self.claim(name, box, gauge, free, volume_ml, (SHRINK, reach))

    def claim(
        self,
        name: str,
        box: Box,
        gauge: np.ndarray,
        free: np.ndarray,
        volume_ml: float | None,
        limits: tuple[float, float],
        key: str | None = None,
        specks: bool = False,
    ) -> None:
        """Give ``name`` the ``free`` voxels of ``box`` of least gauge; specks only if wanted."""
        level = 1.0
        if volume_ml is not None:
            key = key or name
            known = self._known(key)
            level = self._level(gauge[free], volume_ml, limits) if known is None else known
            self.levels[key] = level
        mask = free & (gauge <= level)
        self.labels[box][mask if specks else _without_specks(mask)] = painted_id(name)

    def shell(
        self, name: str, thickness_mm: dict[str, float], volume_ml: float, reach: float, where: int
    ) -> None:
        """Wrap structures in ``name``, each as thickly as stated, scaled to hold ``volume_ml``."""
        box = self.box(list(thickness_mm), reach * max(thickness_mm.values()))
        labels = self.labels[box]
        gauge = np.full(labels.shape, np.inf, np.float32)
        for inner, thickness in thickness_mm.items():
            mask = labels == label(inner)
            if mask.any():
                gap = self._gap_mm(mask)
                gap = ndimage.gaussian_filter(gap, 0.7)  # breaks the ties
                np.minimum(gauge, gap / thickness, out=gauge)
        free = (labels == 0) & ((self.envelope.regions[box] & where) != 0)
        self.claim(name, box, gauge, free, volume_ml, (0.2, reach))

    def wrap(self, name: str, region: int, thickness_mm: float, where: int) -> None:
        """Give ``name`` the free voxels of ``where`` within a distance of a whole region."""
        inside = self.envelope.regions == region
        found = ndimage.find_objects(inside.astype(np.uint8))
        if not found:
            return
        steps = [int(np.ceil(thickness_mm / mm)) + 1 for mm in self.grid.spacing_mm]
        z, y, x = (
            slice(max(0, side.start - n), side.stop + n)
            for side, n in zip(found[0], steps, strict=True)
        )
        box = (z, y, x)
        gap = self._gap_mm(inside[box])
        free = (self.labels[box] == 0) & (self.envelope.regions[box] & where != 0)
        self.labels[box][_without_specks(free & (gap <= thickness_mm))] = label(name)

    def box(self, names: Sequence[str], margin_mm: float) -> Box:
        """Return the box of some structures with a margin; of none, an empty one."""
        wanted = np.isin(np.arange(256), [label(name) for name in names])
        where = np.nonzero(wanted[self.labels])
        if not len(where[0]):
            return slice(0, 0), slice(0, 0), slice(0, 0)
        low, high = (
            np.array([end(axis) for axis in where]) * self.grid.spacing_mm + self.grid.origin_mm
            for end in (np.min, np.max)
        )
        return box_of(self.grid, low - margin_mm, high + margin_mm)

    def volume_ml(self, name: str) -> float:
        """Return what ``name`` holds so far."""
        return float(np.count_nonzero(self.labels == label(name)) * self.grid.voxel_ml)

    def _gap_mm(self, mask: np.ndarray) -> np.ndarray:
        """Return the distance to the surface of ``mask``: half a voxel before its centres."""
        half = np.cbrt(np.prod(self.grid.spacing_mm)) / 2
        return ndimage.distance_transform_edt(~mask, self.grid.spacing_mm).astype(np.float32) - half

    def _known(self, key: str) -> float | None:
        return None if self.given is None else self.given.get(key)

    def _level(self, gauge: np.ndarray, volume_ml: float, limits: tuple[float, float]) -> float:
        count = round(volume_ml / self.grid.voxel_ml)
        gauge = gauge[gauge <= limits[1]]
        if count >= gauge.size:
            return limits[1]
        return float(np.clip(np.partition(gauge, count)[count], *limits))


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """Return ``mask`` without parts that are tiny beside its largest."""
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= SPECK * sizes.max())[parts]
