"""The only geometry type: an array on an axis-aligned grid in patient space."""

from dataclasses import dataclass, replace
from math import isfinite, prod

import numpy as np

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Volume:
    """An array [Z, Y, X] on a grid along the patient's axes: z up, y to the back, x to the left.

    Lengths are mm in LPS; triples are ordered (z, y, x) like the array. Oblique grids do not
    exist here: ``ingest`` resamples them.

    Raises:
        ValueError: if the array is not three-dimensional, is empty, or the grid is not finite
            with a positive spacing.
    """

    array: np.ndarray
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)  # centre of the voxel [0, 0, 0]

    def __post_init__(self) -> None:
        if self.array.ndim != 3 or not self.array.size:
            raise ValueError(f"a volume is [Z, Y, X] with voxels; this array is {self.array.shape}")
        if not (
            all(map(isfinite, (*self.spacing_mm, *self.origin_mm))) and min(self.spacing_mm) > 0
        ):
            raise ValueError(
                f"a grid is finite with a positive spacing in mm; got spacing {self.spacing_mm}, "
                f"origin {self.origin_mm}"
            )

    def with_array(self, array: np.ndarray) -> "Volume":
        """Return ``array`` on this grid.

        Raises:
            ValueError: if it has another shape.
        """
        if array.shape != self.array.shape:
            raise ValueError(f"the grid is {self.array.shape}, the array {array.shape}")
        return replace(self, array=array)

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel."""
        return prod(self.spacing_mm) / 1000

    @property
    def extent_mm(self) -> Triple:
        """The size of the grid from border to border, (z, y, x)."""
        z, y, x = (n * mm for n, mm in zip(self.array.shape, self.spacing_mm, strict=True))
        return z, y, x

    def same_grid(self, other: "Volume", tolerance_mm: float = 1e-3) -> bool:
        """Return whether both grids have the same voxels, nowhere farther apart along an axis."""
        return self.array.shape == other.array.shape and all(
            abs(o - p) <= tolerance_mm and abs(o - p + (n - 1) * (mm - nn)) <= tolerance_mm
            for n, mm, o, nn, p in zip(
                self.array.shape,
                *(self.spacing_mm, self.origin_mm, other.spacing_mm, other.origin_mm),
                strict=True,
            )
        )
