import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.phantom.mesh import Mesh, area_mm2, is_watertight, volume_ml
from phantomloom.phantom.surface import surface, surfaces
from phantomloom.volume import Volume

SETTINGS = {"smoothing_voxels": 0.7, "simplification_voxels": 0.1}


def grid(array, spacing_mm=(3.0, 3.0, 3.0), origin_mm=(0.0, 0.0, 0.0)):
    return Volume(np.asarray(array, bool), spacing_mm, origin_mm)


def ellipsoid(radii_mm, spacing_mm):
    """Voxels whose centres lie in an ellipsoid about the middle of its grid."""
    counts = [2 * int(np.ceil(r / mm)) + 3 for r, mm in zip(radii_mm, spacing_mm, strict=True)]
    axes = [
        (np.arange(n) - n // 2) * mm / r
        for n, mm, r in zip(counts, spacing_mm, radii_mm, strict=True)
    ]
    return grid(sum(np.square(axis) for axis in np.ix_(*axes)) <= 1, spacing_mm)


def spheroid_area_mm2(a, c):
    """The area of an ellipsoid with the radii a, a and the longer c."""
    e = np.sqrt(1 - (a / c) ** 2)
    return 2 * np.pi * a**2 * (1 + c / (a * e) * np.arcsin(e))


def as_trimesh(mesh):
    """An independent judge."""
    return trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False, validate=False)


def check(mask, mesh):
    """Closed and outward in the eyes of trimesh, and as large as the voxels."""
    judge = as_trimesh(mesh)
    assert judge.is_watertight and judge.is_winding_consistent
    assert is_watertight(mesh)
    expected_mm3 = mask.array.sum() * mask.voxel_ml * 1000
    assert judge.volume == pytest.approx(expected_mm3, rel=0.02)


def test_an_ellipsoid_has_the_volume_and_the_area_of_the_formula():
    mesh = surface(ellipsoid((60, 30, 30), (2.0, 2.0, 2.0)), **SETTINGS)
    assert volume_ml(mesh) == pytest.approx(4 / 3 * np.pi * 6 * 3 * 3, rel=0.01)
    assert area_mm2(mesh) == pytest.approx(spheroid_area_mm2(30, 60), rel=0.02)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    radii_mm=st.tuples(*[st.floats(2, 40)] * 3),
    spacing_mm=st.tuples(*[st.sampled_from([0.8, 1.5, 3.0, 5.0])] * 3),
)
def test_ellipsoids_of_any_shape_and_spacing_are_closed_and_keep_their_volume(radii_mm, spacing_mm):
    mask = ellipsoid(radii_mm, spacing_mm)
    check(mask, surface(mask, **SETTINGS))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    filled=st.floats(0.02, 0.9),
    smoothing=st.sampled_from([0.3, 0.7, 1.5]),
)
def test_random_voxels_are_closed_and_keep_their_volume(seed, filled, smoothing):
    mask = grid(np.random.default_rng(seed).random((7, 8, 9)) < filled, (5.0, 0.7, 1.3))
    if mask.array.any():
        check(mask, surface(mask, smoothing, 0.1))


def test_a_structure_that_fills_its_grid_is_closed():
    mask = grid(np.ones((4, 5, 6)))
    check(mask, surface(mask, **SETTINGS))


def test_one_voxel_keeps_its_volume_and_place():
    array = np.zeros((5, 5, 5))
    array[1, 2, 3] = 1
    mask = grid(array, (4.0, 2.0, 1.0), (100.0, 200.0, 300.0))
    mesh = surface(mask, **SETTINGS)
    check(mask, mesh)
    assert as_trimesh(mesh).center_mass == pytest.approx([303, 204, 104], abs=0.01)  # x, y, z


@pytest.mark.parametrize("other", [(1, 2, 2), (2, 2, 2)], ids=["at an edge", "at a corner"])
def test_two_voxels_that_touch_are_closed(other):
    array = np.zeros((4, 4, 4))
    array[1, 1, 1] = array[other] = 1
    check(grid(array), surface(grid(array), **SETTINGS))


@pytest.mark.parametrize("voxels", [0.6, 0.8, 1.0])
@pytest.mark.parametrize("mm", [(3.0, 3.0, 3.0), (5.0, 0.7, 0.7)])
def test_what_is_thinner_than_the_simplification_keeps_its_volume(voxels, mm):
    array = np.zeros((4, 4, 12), np.uint8)
    array[1, 1, 1:3] = array[1, 3, 2:10] = 1
    mask = Volume(array.astype(bool), mm)
    mesh = surface(mask, **SETTINGS | {"simplification_voxels": voxels})
    assert is_watertight(mesh)
    assert volume_ml(mesh) == pytest.approx(10 * mask.voxel_ml, rel=0.05)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_sheet_of_one_voxel_stays_a_whole_sheet(axis):
    array = np.zeros((20, 20, 20))
    np.moveaxis(array, axis, 0)[9, 2:18, 2:18] = 1
    mesh = surface(grid(array), **SETTINGS)
    check(grid(array), mesh)
    assert as_trimesh(mesh).euler_number == 2  # one piece without holes


def test_a_thin_branch_of_a_thick_structure_stays():
    array = np.zeros((30, 30, 30))
    array[2:18, 2:18, 2:18] = array[8, 8, 18:28] = 1
    mesh = surface(grid(array), **SETTINGS)
    check(grid(array), mesh)
    assert mesh.vertices_mm[:, 0].max() > 27 * 3 - 1


def test_a_hollow_keeps_its_inner_wall():
    array = np.ones((12, 12, 12))
    array[4:8, 4:8, 4:8] = 0
    mesh = surface(grid(array), **SETTINGS)
    check(grid(array), mesh)
    assert len(as_trimesh(mesh).split(only_watertight=True)) == 2


def test_islands_keep_their_own_volumes():
    array = np.zeros((20, 20, 20))
    array[2:12, 2:12, 2:12] = array[16, 16, 16] = 1
    volumes = [part.volume for part in as_trimesh(surface(grid(array), **SETTINGS)).split()]
    assert sorted(volumes) == pytest.approx([27, 27_000], rel=0.02)


def test_the_body_translates_and_so_do_its_vertices():
    mask = ellipsoid((20, 10, 10), (2.0, 1.0, 1.0))
    moved = grid(mask.array, mask.spacing_mm, (7.0, -40.0, 120.0))
    shift = surface(moved, **SETTINGS).vertices_mm - surface(mask, **SETTINGS).vertices_mm
    assert shift == pytest.approx(np.broadcast_to([120, -40, 7], shift.shape), abs=1e-3)


def test_simplification_saves_triangles_and_moves_little():
    mask = ellipsoid((40, 40, 40), (2.0, 2.0, 2.0))
    fine, simple = surface(mask, 0.7, 0.0), surface(mask, 0.7, 0.2)
    assert len(simple.faces) < len(fine.faces) / 2
    middle = np.array([(n // 2) * 2.0 for n in mask.array.shape])
    assert np.ptp(np.linalg.norm(simple.vertices_mm - middle, axis=1)) < 2.0


def test_each_label_has_its_own_surface():
    array = np.zeros((9, 9, 9), np.uint8)
    array[2:5, 2:7, 2:7], array[5:7, 2:7, 2:7] = 64, 69
    found = dict(surfaces(Volume(array, (2.0, 2.0, 2.0)), **SETTINGS))
    volumes = {label: volume_ml(mesh) for label, mesh in found.items()}
    assert volumes == {64: pytest.approx(0.6, rel=0.02), 69: pytest.approx(0.4, rel=0.02)}


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="empty"):
        surface(grid(np.zeros((3, 3, 3))), **SETTINGS)


def test_a_mesh_with_a_missing_or_turned_face_is_not_watertight():
    box = trimesh.creation.box()
    vertices, faces = box.vertices.astype(np.float32), np.array(box.faces)
    turned = np.vstack([faces[:1, ::-1], faces[1:]])
    assert is_watertight(Mesh(vertices, faces))
    assert not is_watertight(Mesh(vertices, faces[1:]))
    assert not is_watertight(Mesh(vertices, turned))
