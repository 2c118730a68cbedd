"""Label maps on any grid against ellipsoids whose place and volume are known in mm."""

import logging
from errno import ESTALE
from itertools import permutations, product
from math import pi, prod
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from phantomloom.ingest import regrid
from phantomloom.io import nifti
from phantomloom.scan import Scan
from phantomloom.schemes import classes_of, named_in
from phantomloom.segmentation import UnusableLabelsError
from phantomloom.segmentation.labels import segment, shown, told
from phantomloom.structures import label, structures
from phantomloom.volume import Volume

LIVER, SPLEEN, LEFT, RIGHT = map(label, ("liver", "spleen", "kidney_left", "kidney_right"))
CT = Volume(np.zeros((24, 30, 36), np.int16), (3.0, 2.0, 2.0), (-30.0, 12.0, -7.0))
CENTRE_MM = np.array([4.5, 40.0, 30.0])  # of the ellipsoid, z y x
LEFTWARD = np.array([0.4, 0.0, 1.0])  # and up
RADII_MM = np.array([22.0, 17.0, 25.0])
ML = 4 / 3 * pi * prod(RADII_MM) / 1000


def rotation(degrees):
    """A right-handed turn about (1, 2, 3), on (z, y, x) columns."""
    axis = np.array([1.0, 2.0, 3.0]) / 14**0.5
    cross = np.cross(np.eye(3), axis)
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def places_mm(shape, axes_mm, origin_mm):
    return np.stack(np.indices(shape), -1) @ axes_mm + origin_mm


def ellipsoid(places, centre_mm=CENTRE_MM, radii_mm=RADII_MM):
    return (((places - centre_mm) / radii_mm) ** 2).sum(-1) < 1


def kidneys(places):
    """The left kidney on the left, at large x; the right one at small x, and lower."""
    left = ellipsoid(places, CENTRE_MM + 14 * LEFTWARD, (12, 9, 8))
    right = ellipsoid(places, CENTRE_MM - 14 * LEFTWARD, (12, 9, 8))
    return np.where(left, LEFT, np.where(right, RIGHT, 0)).astype(np.uint8)


def store(path, array, axes_mm, origin_mm):
    """Write an array [z, y, x] of voxels with the given steps through SimpleITK."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    spacing = np.linalg.norm(axes_mm, axis=1)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetDirection((axes_mm / spacing[:, None])[::-1, ::-1].T.ravel().tolist())
    image.SetOrigin([float(mm) for mm in origin_mm[::-1]])
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(image, str(path))
    return path


def store_on_ct(path, array):
    return store(path, array, np.diag(CT.spacing_mm), np.array(CT.origin_mm))


def around(axes_mm, reach_mm=45.0):
    """Shape and origin of a grid with these axes that holds the ellipsoid."""
    shape = np.ceil(2 * reach_mm / np.linalg.norm(axes_mm, axis=1)).astype(int)
    return shape, CENTRE_MM - (shape - 1) / 2 @ axes_mm


def found_on(ct, path, **settings):
    labels, confidence, _ = segment(ct, path, "cpu", **settings)
    assert labels.same_grid(ct)
    assert labels.array.dtype == np.uint8
    assert confidence == {}
    return labels.array


def random_labels():
    return np.random.default_rng(0).integers(0, 164, CT.array.shape).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_on_the_same_grid_every_voxel_comes_through(tmp_path, suffix):
    path = store_on_ct(tmp_path / f"labels{suffix}", random_labels())
    assert np.array_equal(found_on(CT, path), random_labels())


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_labels(tmp_path, dtype):
    path = store_on_ct(tmp_path / "labels.nii.gz", random_labels().astype(dtype))
    assert np.array_equal(found_on(CT, path), random_labels())


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", list(product([False, True], repeat=3)))
def test_turned_and_mirrored_axes_change_no_voxel(tmp_path, order, flips):
    array, axes = random_labels().transpose(order), np.diag(CT.spacing_mm)[list(order)]
    origin = np.array(CT.origin_mm)
    for axis in np.flatnonzero(flips):
        origin = origin + axes[axis] * (array.shape[axis] - 1)
        axes[axis] *= -1
        array = np.flip(array, axis)
    path = store(tmp_path / "labels.nii", array, axes, origin)
    assert np.array_equal(found_on(CT, path), random_labels())


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (5.0, 0.8, 0.8), (3.0, 3.0, 3.0)])
@pytest.mark.parametrize("degrees", [0, 0.02, 3, 25])
@pytest.mark.parametrize(("ct_mm", "tolerance"), [(1.5, 0.02), (4.0, 0.05)])
def test_an_ellipsoid_keeps_volume_and_place_from_any_grid(
    tmp_path, spacing_mm, degrees, ct_mm, tolerance
):
    axes = np.diag(spacing_mm) @ rotation(degrees)
    shape, origin = around(axes)
    array = ellipsoid(places_mm(shape, axes, origin)).astype(np.uint8)
    path = store(tmp_path / "labels.nii.gz", array, axes, origin)
    size = int(80 / ct_mm)
    ct = Volume(np.zeros((size, size, size), np.int16), (ct_mm,) * 3, tuple(CENTRE_MM - 40.0))
    found = found_on(ct, path)
    assert np.count_nonzero(found) * ct.voxel_ml == pytest.approx(ML, rel=tolerance)
    centre = np.argwhere(found).mean(0) * ct.spacing_mm + ct.origin_mm
    assert centre == pytest.approx(CENTRE_MM, abs=0.2 * ct_mm)


@pytest.mark.parametrize("spacing_mm", [(1.6, 1.1, 2.0), (4.5, 4.0, 4.25)])
def test_a_tilted_box_that_is_all_label_keeps_its_volume(tmp_path, spacing_mm):
    axes = np.diag((2.0, 2.0, 3.0)) @ rotation(15)
    shape, origin = around(axes, reach_mm=30.0)
    path = store(tmp_path / "labels.nii.gz", np.ones(shape, np.uint8), axes, origin)
    ct = Volume(np.zeros((70, 80, 60), np.int16), spacing_mm, tuple(CENTRE_MM - 55))
    found = found_on(ct, path)
    assert np.count_nonzero(found) * ct.voxel_ml == pytest.approx(prod(shape) * 12 / 1000, rel=0.02)


def test_a_coarse_voxel_of_a_tilted_map_gets_its_most_common_label_not_a_chance_one(tmp_path):
    axes = rotation(15)
    shape, origin = around(axes, reach_mm=30.0)
    speckled = np.where(np.random.default_rng(0).random(shape) < 0.75, LIVER, SPLEEN)
    path = store(tmp_path / "labels.nii.gz", speckled.astype(np.uint8), axes, origin)
    ct = Volume(np.zeros((8, 8, 8), np.int16), (4.0, 4.0, 4.0), tuple(CENTRE_MM - 14))
    assert (found_on(ct, path) == LIVER).mean() > 0.99


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 20])
def test_left_stays_left(tmp_path, degrees, flip):
    axes = np.diag((2.5, 1.1, -1.1 if flip else 1.1)) @ rotation(degrees)
    shape, origin = around(axes)
    array = kidneys(places_mm(shape, axes, origin))
    found = found_on(CT, store(tmp_path / "labels.nii.gz", array, axes, origin))
    expected = kidneys(places_mm(CT.array.shape, np.diag(CT.spacing_mm), CT.origin_mm))
    for kidney in (LEFT, RIGHT):
        both = np.count_nonzero((found == kidney) & (expected == kidney))
        assert 2 * both / np.count_nonzero([found == kidney, expected == kidney]) > 0.93


def sheared_nifti(path, array, axes_mm, origin_mm):
    """Write NIfTI with the sform set by hand, as SimpleITK writes no sheared grid."""
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    raw = bytearray(path.read_bytes())
    affine = np.column_stack([axes_mm[::-1, ::-1].T, origin_mm[::-1]]) * [[-1], [-1], [1]]
    raw[252:256] = np.array([0, 1], "<i2").tobytes()
    raw[280:328] = affine.astype("<f4").tobytes()
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("tilt", ["oblique", "sheared"])
def test_labels_lie_where_ingest_puts_the_scan_they_were_drawn_on(tmp_path, tilt):
    axes = np.diag((2.0, 1.5, 1.5)) @ rotation(12)
    if tilt == "sheared":
        axes = np.array([(2.0, -0.6, 0), (0, 1.5, 0), (0, 0, 1.5)])
    shape, origin = around(axes)
    drawn = ellipsoid(places_mm(shape, axes, origin))
    hu = np.where(drawn, 60, -1000).astype(np.int16)
    ct = regrid(Scan(hu, axes, origin, "NIfTI"), "native")
    path = sheared_nifti(tmp_path / "labels.nii", drawn.astype(np.uint8) * LIVER, axes, origin)
    found, seen = found_on(ct, path) == LIVER, ct.array > -470
    assert 2 * np.count_nonzero(found & seen) / np.count_nonzero([found, seen]) > 0.97


def test_labels_of_a_part_of_the_field_of_view_are_taken_and_the_rest_is_unlabelled(tmp_path):
    part = Volume(random_labels()[5:9, 10:20, 3:30], CT.spacing_mm, (-15.0, 32.0, -1.0))
    nifti.write(part, tmp_path / "labels.nii.gz")
    found = found_on(CT, tmp_path / "labels.nii.gz")
    expected = np.zeros(CT.array.shape, np.uint8)
    expected[5:9, 10:20, 3:30] = part.array
    assert np.array_equal(found, expected)


def test_other_schemes_are_renamed_and_dropped_classes_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    given = np.zeros(CT.array.shape, np.int16)
    given[3], given[4], given[5] = 1, 14, 2  # liver, left kidney, kidney of either side
    found = found_on(CT, store_on_ct(tmp_path / "labels.nii.gz", given), scheme="vista3d")
    assert (found[3] == LIVER).all()
    assert (found[4] == LEFT).all()
    assert not found[5].any()
    assert "dropped kidney" in caplog.text


def test_a_folder_of_masks_is_one_map(tmp_path):
    classes = random_labels() % 118
    for foreign in classes_of("total"):
        mask = (classes == foreign.id).astype(np.uint8) * (255 if foreign.id % 2 else 1)
        store_on_ct(tmp_path / "masks" / f"{foreign.name}.nii.gz", mask)
    (tmp_path / "masks" / "statistics.json").write_text("{}")
    one = store_on_ct(tmp_path / "one.nii.gz", classes)
    folder = found_on(CT, tmp_path / "masks", scheme="total")
    assert np.array_equal(folder, found_on(CT, one, scheme="total"))


def test_a_folder_can_show_what_has_a_mask_there_and_a_map_what_its_scheme_names(tmp_path):
    """An empty mask says that the scan shows none of it."""
    empty = np.zeros(CT.array.shape, np.uint8)
    for name in ("liver", "spleen"):
        store_on_ct(tmp_path / f"{name}.nii.gz", empty)
    assert shown(tmp_path, "total") == {"liver", "spleen"}
    assert not segment(CT, tmp_path, "cpu", "total", may_be_empty=True).labels.array.any()
    assert "no structure in it" in refusal(tmp_path, "total")
    assert shown(tmp_path / "liver.nii.gz", "total") > {"liver", "spleen", "rib_left_7"}


def test_a_folder_of_lesions_does_not_show_the_organ(tmp_path):
    empty = np.zeros(CT.array.shape, np.uint8)
    for name in ("hepatic_tumor", "spleen"):
        store_on_ct(tmp_path / f"{name}.nii.gz", empty)
    assert shown(tmp_path, "vista3d") == {"spleen"}


def test_a_map_of_our_own_ids_tells_of_what_it_holds_and_others_of_all_they_name(tmp_path):
    found = CT.with_array(np.full(CT.array.shape, LIVER, np.uint8))
    path = tmp_path / "labels.nii.gz"
    assert told(path, "phantomloom", found) == {"liver"}
    assert told(path, "total", found) == named_in("total")
    assert told(path, "phantomloom", found, structures()) == set(structures())


def test_labels_tell_of_what_is_named_and_what_they_cannot_show_is_refused(tmp_path):
    empty = CT.with_array(np.zeros(CT.array.shape, np.uint8))
    store_on_ct(tmp_path / "spleen.nii.gz", empty.array)
    store_on_ct(tmp_path / "liver.nii.gz", empty.array)
    assert told(tmp_path, "total", empty, ["spleen"]) == {"spleen"}
    with pytest.raises(ValueError, match=r"cannot show colon as a whole, which their `structures`"):
        told(tmp_path, "total", empty, ["spleen", "colon"])


def test_where_masks_overlap_the_smaller_wins_and_the_overlap_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    large, small = np.zeros((2, *CT.array.shape), np.uint8)
    large[2:12, 2:20, 2:20] = 1
    small[8:16, 8:18, 8:18] = 1
    store_on_ct(tmp_path / "masks" / "liver.nii.gz", large)
    store_on_ct(tmp_path / "masks" / "spleen.nii.gz", small)
    found = found_on(CT, tmp_path / "masks")
    assert np.array_equal(found == SPLEEN, small > 0)
    assert np.array_equal(found == LIVER, (large > 0) & (small == 0))
    assert "spleen takes 4.80 ml from liver" in caplog.text  # 4 x 10 x 10 voxels of 12 mm3


def test_masks_on_grids_of_their_own_meet_on_that_of_the_ct(tmp_path):
    axes = np.diag((1.0, 1.0, 1.0))
    for name, centre, radii in (("liver", 0, RADII_MM), ("spleen", 5, (9, 9, 9))):
        shape, origin = around(axes, reach_mm=40 - centre)
        array = ellipsoid(places_mm(shape, axes, origin), CENTRE_MM + centre, radii)
        store(tmp_path / "masks" / f"{name}.nii.gz", array.astype(np.uint8), axes, origin)
    found = found_on(CT, tmp_path / "masks")
    spleen_ml = 4 / 3 * pi * 0.9**3
    assert np.count_nonzero(found == SPLEEN) * CT.voxel_ml == pytest.approx(spleen_ml, rel=0.03)
    assert np.count_nonzero(found) * CT.voxel_ml == pytest.approx(ML, rel=0.03)


def test_parts_of_one_structure_are_joined(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    upper, lower = np.zeros((2, *CT.array.shape), np.uint8)
    upper[6:9, 5:9, 5:9], lower[3:7, 5:9, 5:9] = 1, 1
    store_on_ct(tmp_path / "masks" / "vertebrae_S1.nii.gz", upper)
    store_on_ct(tmp_path / "masks" / "sacrum.nii.gz", lower)
    found = found_on(CT, tmp_path / "masks", scheme="total")
    assert np.array_equal(found == label("sacrum"), (upper | lower) > 0)
    assert "takes" not in caplog.text


def refusal(path, scheme="phantomloom"):
    with pytest.raises(UnusableLabelsError) as fault:
        segment(CT, path, "cpu", scheme)
    assert path.name in str(fault.value)
    return str(fault.value)


def test_ids_that_the_scheme_lacks_are_all_listed(tmp_path):
    given = np.full(CT.array.shape, 7, np.int16)
    given[0, 0, :3] = 200, 118, -5
    path = store_on_ct(tmp_path / "labels.nii.gz", given)
    assert "total has no label -5, 118, 200" in refusal(path, "total")


def test_names_that_the_scheme_lacks_are_all_listed(tmp_path):
    for name in ("liver", "left_wing", "ct"):
        store_on_ct(tmp_path / "masks" / f"{name}.nii.gz", CT.array)
    message = refusal(tmp_path / "masks")
    assert "ct.nii.gz, left_wing.nii.gz" in message
    assert "liver" not in message


def test_fractions_are_refused(tmp_path):
    path = store_on_ct(tmp_path / "labels.nii.gz", np.full(CT.array.shape, 1.5, np.float32))
    assert "whole numbers" in refusal(path)


def test_a_mask_of_several_values_is_refused(tmp_path):
    path = store_on_ct(tmp_path / "masks" / "liver.nii.gz", random_labels() % 3)
    with pytest.raises(
        UnusableLabelsError, match=r"liver\.nii\.gz: a mask holds one value.*\[1, 2\]"
    ):
        segment(CT, path.parent, "cpu")


def test_labels_of_another_place_are_refused(tmp_path):
    axes = np.diag(CT.spacing_mm)
    path = store(tmp_path / "labels.nii.gz", random_labels(), axes, np.array([900.0, 0, 0]))
    assert "no labelled voxel lies in the CT" in refusal(path)


def test_an_empty_map_is_refused(tmp_path):
    assert "no structure in it" in refusal(store_on_ct(tmp_path / "a.nii.gz", CT.array))


def test_a_folder_without_masks_is_refused(tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "readme.txt").write_text("masks to follow")
    assert "no mask in it" in refusal(tmp_path / "masks")


def test_a_file_cut_short_is_refused(tmp_path):
    path = store_on_ct(tmp_path / "labels.nii.gz", random_labels())
    path.write_bytes(path.read_bytes()[:2000])
    assert "cut short" in refusal(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "labels.png").write_bytes(b"\x89PNG")
    assert ".nii.gz" in refusal(tmp_path / "labels.png")


def test_an_unknown_scheme_is_refused(tmp_path):
    path = store_on_ct(tmp_path / "labels.nii.gz", random_labels())
    with pytest.raises(ValueError, match=r"'tatol'; known are phantomloom, total") as fault:
        segment(CT, path, "cpu", "tatol")
    assert fault.type is ValueError  # the config's, not of the labels


def test_a_missing_map_is_told_to_be_missing(tmp_path):
    assert "came no" in refusal(tmp_path / "nothing_here.nii.gz")


def test_a_fault_of_the_disk_is_none_of_the_labels(tmp_path, monkeypatch):
    """Another try of the job may read them."""
    store_on_ct(tmp_path / "masks" / "liver.nii.gz", random_labels())

    def stale(_):
        raise OSError(ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "iterdir", stale)
    with pytest.raises(OSError, match="Stale") as fault:
        segment(CT, tmp_path / "masks", "cpu")
    assert not isinstance(fault.value, UnusableLabelsError)
