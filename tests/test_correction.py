import numpy as np
import pytest
import SimpleITK as sitk

from phantomloom.correction import checked, edits, read
from phantomloom.io import nifti
from phantomloom.structures import label
from phantomloom.volume import Volume

CT = Volume(np.zeros((4, 5, 6), np.int16), (3.0, 2.0, 1.0), (-7.3, 11.1, 20.0))


def some(dtype=np.int16):
    array = np.zeros(CT.array.shape, dtype)
    array[0, 1, 2] = label("liver")
    return array


@pytest.mark.parametrize("axes", ["RAS", "LAS", "SPL"])
def test_a_map_saved_along_other_axes_is_the_same_map(tmp_path, axes):
    """A marked corner tells left from right, front from back and head from feet."""
    image = sitk.GetImageFromArray(some())
    image.SetSpacing(CT.spacing_mm[::-1])
    image.SetOrigin(CT.origin_mm[::-1])
    sitk.WriteImage(sitk.DICOMOrient(image, axes), tmp_path / "labels.nii.gz")
    labels = nifti.read(tmp_path / "labels.nii.gz")
    array = checked(labels, CT, "labels.nii.gz")
    assert array.dtype == np.uint8 and (array == some()).all()


def test_a_map_that_was_copied_by_half_is_told_with_its_name(tmp_path):
    """Not filled up with zeros, which would say that what it lacks is not there."""
    path = tmp_path / "labels.nii.gz"
    array = np.random.default_rng(0).integers(1, 5, CT.array.shape).astype(np.uint8)
    nifti.write(CT.with_array(array), path)
    assert (read(str(path), CT) == array).all()
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"labels\.nii\.gz: expected .*cut short"):
        read(str(path), CT)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (CT.with_array(some(np.float32)), "expected whole numbers, came float32"),
        (CT.with_array(some() * 0), "empty"),
        (CT.with_array(some() - 1), r"no structures have the ids \[-1\]"),
        (CT.with_array(some() + 200), "no structures have the ids \\[200, 2"),
        (Volume(some()[1:], CT.spacing_mm, CT.origin_mm), r"came \(3, 5, 6\) voxels"),
        (Volume(some(), (3.0, 2.0, 1.02), CT.origin_mm), r"came .* of \[3.0, 2.0, 1.02\] mm"),
        (Volume(some(), (3.0, 2.0, 1.005), CT.origin_mm), r"came .* of \[3.0, 2.0, 1.005\] mm"),
        (Volume(some(), CT.spacing_mm), r"came .* from \[0.0, 0.0, 0.0\] mm"),
    ],
)
def test_a_map_that_cannot_replace_the_merge_is_told_with_its_name(labels, message):
    with pytest.raises(ValueError, match=rf"ann/labels\.nii\.gz: .*{message}"):
        checked(labels, CT, "review/ann/labels.nii.gz")


def test_edits_tell_what_each_structure_gained_and_lost():
    before, after = (np.zeros((2, 2, 5), np.uint8) for _ in range(2))
    before[0], after[0, 0], after[1, 1] = label("liver"), label("liver"), label("spleen")
    edited_ml, told = edits(before, after, voxel_ml=0.5)
    assert edited_ml == 5.0
    assert {edit["structure"]: (edit["added_ml"], edit["removed_ml"]) for edit in told} == {
        "liver": (0.0, 2.5),
        "spleen": (2.5, 0.0),
    }
