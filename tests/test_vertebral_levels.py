import numpy as np
import pytest

from phantomloom.structures import label
from phantomloom.vertebral_levels import levels, ranges
from phantomloom.volume import Volume

LUMBAR = {"T12": 60, "L1": 50, "L2": 40, "L3": 30}  # lowest plane of nine
SIZES = {"speck": (2, 3), "bone": (9, 6)}  # planes, and voxels to either side: 0.5 and 8.7 ml


def spine(vertebrae, *more):
    """Ids at 3 mm with a block for each vertebra, and blocks (name, lowest plane, size)."""
    array = np.zeros((80, 20, 20), np.uint8)
    for name, low, size in (*((n, low, "bone") for n, low in vertebrae.items()), *more):
        planes, side = SIZES[size]
        array[low : low + planes, 8 : 8 + side, 8 : 8 + side] = label(f"vertebrae_{name}")
    return Volume(array, (3.0, 3.0, 3.0))


def of_plane(*arguments):
    return levels(spine(*arguments)).of_plane


def test_levels_count_vertebrae_down_from_c1():
    found = of_plane(LUMBAR)
    assert found[[64, 54, 44, 34]] == pytest.approx([18, 19, 20, 21])
    assert found[59] == pytest.approx(18.5)
    assert found[[64 + 9, 34 - 9, 34 - 18]] == pytest.approx([17, 22, 23])  # 27 mm each


def test_a_gap_in_the_vertebrae_counts():
    gap = {name: low for name, low in LUMBAR.items() if name != "L1"}
    assert of_plane(gap) == pytest.approx(of_plane(LUMBAR))


@pytest.mark.parametrize("speck", [("L5", 72, "speck"), ("L5", 2, "speck"), ("C2", 76, "speck")])
def test_a_speck_of_a_vertebra_tells_nothing_in_order_or_not(speck):
    assert of_plane(LUMBAR, speck) == pytest.approx(of_plane(LUMBAR))


@pytest.mark.parametrize(("wrong", "low"), [("L5", 70), ("C2", 70)])
def test_a_vertebra_that_cannot_be_next_to_the_others_tells_nothing(wrong, low):
    assert of_plane(LUMBAR, (wrong, low, "bone")) == pytest.approx(of_plane(LUMBAR))


@pytest.mark.parametrize(
    ("vertebrae", "more"),
    [
        ({}, []),
        ({"L1": 30}, []),
        ({"L1": 50, "T12": 40}, []),
        ({"T12": 60, "L4": 50, "C2": 40, "L1": 30}, []),
        ({}, [("T12", 50, "speck"), ("L1", 40, "speck")]),
        ({"T1": 70, "T2": 10}, []),  # 180 mm from one to the next
    ],
)
def test_vertebrae_that_do_not_agree_tell_nothing(vertebrae, more):
    assert levels(spine(vertebrae, *more)) is None


def test_ranges_are_those_of_the_planes_and_a_whole_reaches_as_far_as_its_parts():
    labels = spine(LUMBAR)
    labels.array[45:50, :4, :4] = label("heart_atrium_left")
    labels.array[52:55, :4, :4] = label("heart_ventricle_left")
    labels.array[:4, :4, :4] = label("liver")
    at, found = of_plane(LUMBAR), ranges([labels])
    assert found["heart"] == pytest.approx((at[54], at[45]))
    assert found["heart_atrium_left"] == pytest.approx((at[49], at[45]))
    assert found["liver"] == pytest.approx((at[3], at[0]))
    assert found["vertebrae_L1"] == pytest.approx((18.6, 19.4), abs=0.1)
    assert not {"bones", "heart_atrium_right"} & found.keys()
