"""Where tube, detector cells and table are during axial step-and-shoot rotations.

Patient coordinates in mm: x to the left, y to the back, z up. The tube starts in front of the
patient and turns towards the left; the detector is curved around the focal spot (equiangular).
"""

from typing import NamedTuple

import numpy as np

LARGEST_COLLIMATION_MM = 40.0  # beyond it the cone is too wide for FDK over one rotation


class UnscannableError(ValueError):
    """A phantom that a scanner cannot image; told to people, the other cases go on."""


class Scanner(NamedTuple):
    """A third-generation scanner; sizes of cells are those seen at the isocentre."""

    source_to_isocentre_mm: float
    source_to_detector_mm: float
    columns: int
    column_mm: float
    rows: int
    collimation_mm: float
    views_per_rotation: int
    column_offset: float = 0.25  # of a cell: opposite views then interleave
    rays_per_cell: tuple[int, int] = (1, 1)  # (rows, columns); what they read is averaged

    @property
    def row_mm(self) -> float:
        """The height of a cell at the isocentre."""
        return self.collimation_mm / self.rows

    @property
    def column_angle(self) -> float:
        """The angle between neighbouring columns, radians."""
        return self.column_mm / self.source_to_isocentre_mm

    @property
    def cell_mm2(self) -> float:
        """The area of a cell on the detector itself."""
        magnification = self.source_to_detector_mm / self.source_to_isocentre_mm
        return self.column_mm * self.row_mm * magnification**2

    @property
    def first_fan_angle(self) -> float:
        """The fan angle of column 0, radians."""
        return (self.column_offset - (self.columns - 1) / 2) * self.column_angle

    @property
    def field_radius_mm(self) -> float:
        """The radius of the circle that every view sees whole."""
        return self.source_to_isocentre_mm * float(np.sin(-self.first_fan_angle))


def fine(scanner: Scanner) -> Scanner:
    """Return the scanner that has a cell for each ray of ``scanner``."""
    rows, columns = scanner.rays_per_cell
    return scanner._replace(
        rows=scanner.rows * rows,
        columns=scanner.columns * columns,
        column_mm=scanner.column_mm / columns,
        column_offset=scanner.column_offset * columns,
        rays_per_cell=(1, 1),
    )


def fan_angles(scanner: Scanner) -> np.ndarray:
    """Return the angle of each column from the central ray, radians [C]."""
    return scanner.first_fan_angle + scanner.column_angle * np.arange(scanner.columns)


def row_heights(scanner: Scanner) -> np.ndarray:
    """Return the height of each row's ray above the tube where it passes the isocentre, mm [R]."""
    return (np.arange(scanner.rows) - (scanner.rows - 1) / 2) * scanner.row_mm


def view_angles(scanner: Scanner) -> np.ndarray:
    """Return the tube's angle in each view, radians [V]; 0 is in front of the patient."""
    return 2 * np.pi * np.arange(scanner.views_per_rotation) / scanner.views_per_rotation


def covered_half_mm(scanner: Scanner, radius_mm: float) -> float:
    """Return how far from the tube's plane a cylinder about the axis is inside the cone always.

    The side next to the tube decides: there the cone is narrowest.
    """
    nearest = 1 - radius_mm / scanner.source_to_isocentre_mm
    return scanner.collimation_mm / 2 * nearest


class Plan(NamedTuple):
    """Table positions of a scan and the slices that each of them gives."""

    tables_mm: np.ndarray  # [T], z of the tube's plane
    slices_mm: list[np.ndarray]  # per table position, z of slice centres; ascending throughout
    uncovered_mm: tuple[float, float]  # at the lower and the upper end of the range


def plan(
    scanner: Scanner, range_mm: tuple[float, float], slices_mm: np.ndarray, radius_mm: float
) -> Plan:
    """Return the fewest evenly spaced table positions that cover the range without a gap.

    The collimated beam stays inside the range at the isocentre; a range shorter than the
    collimation gets one rotation in its middle. A slice is given by the nearest table position,
    and only if its whole disc of ``radius_mm`` is inside the cone in every view.

    Raises:
        UnscannableError: if no slice is covered.
        ValueError: if the collimation is too wide.
    """
    if scanner.collimation_mm > LARGEST_COLLIMATION_MM:
        raise ValueError(
            f"collimation_mm is at most {LARGEST_COLLIMATION_MM:g}; got {scanner.collimation_mm}"
        )
    low, high = range_mm
    half = covered_half_mm(scanner, radius_mm)
    travel = max(high - low - scanner.collimation_mm, 0)
    steps = int(np.ceil(travel / (2 * half)))
    tables = (low + high) / 2 + (np.linspace(-0.5, 0.5, steps + 1) if steps else 0) * travel
    tables = np.atleast_1d(tables)
    nearest = np.abs(slices_mm[:, None] - tables).argmin(1)
    seen = np.abs(slices_mm - tables[nearest]) <= half + 1e-6
    if not seen.any():
        raise UnscannableError(
            f"a cone of {scanner.collimation_mm} mm sees no slice whole; make "
            "reconstruction.slice_mm thinner, or scanner.collimation_mm wider"
        )
    given = [slices_mm[seen & (nearest == table)] for table in range(len(tables))]
    half_slice = (slices_mm[1] - slices_mm[0]) / 2 if len(slices_mm) > 1 else (high - low) / 2
    ends = slices_mm[seen][0] - half_slice - low, high - slices_mm[seen][-1] - half_slice
    return Plan(tables, given, (float(ends[0]), float(ends[1])))
