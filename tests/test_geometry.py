import numpy as np
import pytest

from phantomloom.simulation import geometry
from phantomloom.simulation.geometry import Scanner, UnscannableError

SCANNER = Scanner(
    source_to_isocentre_mm=570,
    source_to_detector_mm=1040,
    columns=500,
    column_mm=1.0,
    rows=20,
    collimation_mm=40,
    views_per_rotation=720,
)


def seen_by_every_view(radius_mm, height_mm):
    """Brute force: where the ray through each point of a circle passes the isocentre."""
    angle = np.linspace(0, 2 * np.pi, 721)
    distance = np.hypot(570 - radius_mm * np.cos(angle), radius_mm * np.sin(angle))
    return (np.abs(height_mm) * 570 / distance <= 20 + 1e-9).all()


def test_every_slice_of_a_plan_is_inside_the_cone_in_every_view():
    slices = np.arange(1.5, 336, 3)
    plan = geometry.plan(SCANNER, (0, 336), slices, 190)
    for table, given in zip(plan.tables_mm, plan.slices_mm, strict=True):
        assert all(seen_by_every_view(190, height) for height in given - table)


def test_covered_slices_follow_each_other_without_gap_or_repeat():
    slices = np.arange(1.5, 336, 3)
    plan = geometry.plan(SCANNER, (0, 336), slices, 190)
    together = np.concatenate(plan.slices_mm)
    assert np.allclose(np.diff(together), 3)
    assert together[0] - 1.5 == plan.uncovered_mm[0]
    assert 336 - together[-1] - 1.5 == plan.uncovered_mm[1]
    assert 5 < plan.uncovered_mm[0] < 9  # 20 mm / 570 mm * 190 mm and the rest of a slice


def test_no_plan_needs_one_rotation_less():
    slices = np.arange(0.5, 300)
    plan = geometry.plan(SCANNER, (0, 300), slices, 150)
    covered = 2 * geometry.covered_half_mm(SCANNER, 150)
    assert (len(plan.tables_mm) - 2) * covered < 300 - 40 <= (len(plan.tables_mm) - 1) * covered


def test_a_range_shorter_than_the_collimation_gets_one_rotation_in_its_middle():
    plan = geometry.plan(SCANNER, (100, 130), np.arange(100.5, 130), 100)
    assert plan.tables_mm.tolist() == [115]


def test_a_cone_too_thin_for_any_whole_slice_is_refused():
    thin = SCANNER._replace(rows=1, collimation_mm=4)  # its two slices reach out of it
    with pytest.raises(UnscannableError, match="a cone of 4 mm sees no slice whole"):
        geometry.plan(thin, (0, 8), np.array([0.0, 8.0]), 150)


def test_too_wide_a_cone_is_refused():
    with pytest.raises(ValueError, match="collimation_mm is at most 40"):
        geometry.plan(SCANNER._replace(collimation_mm=80), (0, 100), np.arange(100.0), 100)


def test_the_outermost_rays_touch_the_scan_field():
    fan = geometry.fan_angles(SCANNER)
    reached = 570 * np.sin(np.abs(fan[[0, -1]]))
    assert reached.min() == pytest.approx(SCANNER.field_radius_mm, abs=1e-6)
