import numpy as np
import pytest
import SimpleITK as sitk

from phantomloom.io import nifti
from phantomloom.volume import Volume


def test_what_is_written_is_read_with_its_grid(tmp_path):
    array = np.random.default_rng(0).integers(-1024, 3000, (3, 4, 5)).astype(np.int16)
    volume = Volume(array, (3.0, 2.0, 1.5), (-30.0, 20.0, 10.0))
    nifti.write(volume, tmp_path / "ct.nii.gz")
    back = nifti.read(tmp_path / "ct.nii.gz")
    assert (back.array == array).all()
    assert back.same_grid(volume)


def test_other_software_sees_the_voxel_where_we_mean_it(tmp_path):
    array = np.zeros((3, 4, 5), np.int16)
    array[2, 1, 3] = 7
    nifti.write(Volume(array, (3.0, 2.0, 1.5), (-30.0, 20.0, 10.0)), tmp_path / "ct.nii.gz")
    image = sitk.ReadImage(tmp_path / "ct.nii.gz")
    index = image.TransformPhysicalPointToIndex((10 + 3 * 1.5, 20 + 1 * 2.0, -30 + 2 * 3.0))
    assert image[index] == 7


def test_equal_volumes_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        nifti.write(
            Volume(np.ones((3, 3, 3), np.uint8), (1.0, 1.0, 1.0)), tmp_path / f"{name}.nii.gz"
        )
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_flipped_axes_are_turned(tmp_path):
    array = np.zeros((3, 4, 5), np.int16)
    array[0, 0, 0] = 7
    image = sitk.GetImageFromArray(array)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "flipped.nii.gz"))
    assert nifti.read(tmp_path / "flipped.nii.gz").array[0, -1, -1] == 7


def test_an_oblique_grid_is_refused(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5), np.int16))
    c, s = np.cos(0.3), np.sin(0.3)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "oblique.nii.gz"))
    with pytest.raises(ValueError, match="oblique"):
        nifti.read(tmp_path / "oblique.nii.gz")


def test_a_failed_write_leaves_nothing_at_the_final_path(tmp_path):
    with pytest.raises(RuntimeError):
        nifti.write(Volume(np.zeros((2, 2, 2)), (1.0, 1.0, 1.0)), tmp_path / "no.such_format")
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_is_lifted_shows_the_same_higher_up(tmp_path):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    nifti.write(Volume(array, (3.0, 2.0, 1.5), (-30.0, 20.0, 10.0)), tmp_path / "ct.nii.gz")
    nifti.lift(tmp_path / "ct.nii.gz", 5)
    assert nifti.read(tmp_path / "ct.nii.gz").same_grid(
        Volume(array, (3.0, 2.0, 1.5), (-15.0, 20.0, 10.0))
    )
