import numpy as np
import pytest

from phantomloom.volume import Volume


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "origin_mm"),
    [
        ((4, 4), (1, 1, 1), (0, 0, 0)),
        ((0, 4, 4), (1, 1, 1), (0, 0, 0)),
        ((4, 4, 4), (1, 0, 1), (0, 0, 0)),
        ((4, 4, 4), (1, np.nan, 1), (0, 0, 0)),
        ((4, 4, 4), (1, 1, 1), (0, np.inf, 0)),
    ],
)
def test_a_volume_cannot_be_built_wrong(shape, spacing_mm, origin_mm):
    with pytest.raises(ValueError, match=r"a volume is|a grid is"):
        Volume(np.zeros(shape), spacing_mm, origin_mm)


def test_an_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="the grid is"):
        Volume(np.zeros((2, 3, 4)), (1, 1, 1)).with_array(np.zeros((2, 3, 5)))


def test_a_litre_is_1000_voxels_of_a_cubic_centimetre():
    assert Volume(np.zeros((10, 10, 10)), (10, 10, 10)).voxel_ml * 1000 == 1000
    assert Volume(np.zeros((10, 2, 5)), (1, 2, 3)).extent_mm == (10, 4, 15)
