"""The CT of stylised people: HU where the labels say, a couch in the room, one grid for both."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from phantomloom.cohort import Scanner, ct, imaging, labels, levels, person
from phantomloom.cohort.painting import paint, whole_grid
from phantomloom.cohort.rendering import implants
from phantomloom.cohort.shapes import union
from phantomloom.structures import label
from phantomloom.volume import Volume

CHILD = replace(person(22), phase="none", pacemaker=True)
COARSE = {"scanner": Scanner(noise_hu=4.0), "fine_mm": 2.5}


@cache
def found() -> dict[str, float]:
    return levels(CHILD, 5.0)


@cache
def chest(phase: str = "none") -> tuple[Volume, Volume]:
    someone = replace(CHILD, phase=phase)
    return ct(someone, "chest", 3.0, **COARSE, levels=found())


def hu(name: str, phase: str = "none") -> np.ndarray:
    image, labels = chest(phase)
    return image.array[labels.array == label(name)]


def test_the_ct_and_the_labels_share_a_grid():
    image, labels = chest()
    assert image.same_grid(labels)
    assert (image.array.dtype, labels.array.dtype) == (np.int16, np.uint8)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        *[("aorta", 25, 60), ("liver", 35, 80), ("subcutaneous_fat", -125, -60)],
        *[("lung_upper_lobe_left", -920, -650), ("muscles", 10, 75), ("trachea", -1000, -700)],
        ("vertebrae_T8", 120, 450),
    ],
)
def test_a_tissue_has_its_hu(name, low, high):
    assert low < np.median(hu(name)) < high


@pytest.mark.parametrize("width_mm", [0.5, 0.75, 1.5, 3.0, 4.5])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_averaged_or_interpolated_stays_in_its_place(axis, width_mm):
    grid = Volume(np.zeros((12, 24, 24), np.uint8), (1.5,) * 3, (-3.0, 5.0, 7.0))
    place_mm = np.indices(grid.array.shape)[axis] * 1.5 + grid.origin_mm[axis]
    target = Volume(np.zeros((2, 3, 3), np.uint8), (width_mm,) * 3, (6.0, 20.0, 25.0))
    found = imaging._sampled(place_mm, grid, target, blur_mm=0.3, thickness_mm=width_mm)
    expected = np.indices(target.array.shape)[axis] * width_mm + target.origin_mm[axis]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_contrast_raises_the_aorta_and_not_the_muscle():
    assert np.median(hu("aorta", "arterial")) > np.median(hu("aorta")) + 100
    assert abs(np.median(hu("muscles", "arterial")) - np.median(hu("muscles"))) < 15


def test_the_couch_is_in_the_ct_and_not_in_the_labels():
    image, labels = chest()
    rows = np.flatnonzero((labels.array > 0).any(axis=(0, 2)))
    behind = image.array[:, rows[-1] + 2 :]
    assert (behind > -500).any(axis=2).any(axis=1).all()
    assert not labels.array[:, rows[-1] + 1 :].any()


def test_above_the_body_is_nothing_but_air():
    image, labels = chest()
    rows = np.flatnonzero((labels.array > 0).any(axis=(0, 2)))
    assert image.array[:, : rows[0] - 2].mean() == pytest.approx(-1000, abs=3)


def test_a_pacemaker_is_metal_with_streaks_in_the_ct_alone():
    image, labels = chest()
    without, same = ct(replace(CHILD, pacemaker=False), "chest", 3.0, **COARSE, levels=found())
    assert image.array.max() > 2000 > 1500 > without.array.max()
    assert np.array_equal(labels.array, same.array)


def test_a_pacemaker_lies_in_a_lean_adult_as_well():
    lean = replace(person(115), pacemaker=True, hip_prosthesis="", fillings=0)  # 20 kg/m2
    (can,) = implants(lean)
    its = labels(lean, 4.0)
    box, gauge = union(can, its, 1.0)
    assert (its.array[box][gauge <= 1] > 0).mean() > 0.85


@pytest.mark.parametrize(("side", "sign"), [("left", 1), ("right", -1)])
def test_a_prosthesis_is_in_the_femur_of_its_side(side, sign):
    someone = replace(CHILD, hip_prosthesis=side, fillings=0)
    image, labels = ct(someone, "abdomen_pelvis", 4.0, **COARSE, levels=found())
    metal = image.array > 2000
    assert (labels.array[metal] == label(f"femur_{side}")).mean() > 0.5
    x = image.origin_mm[2] + 4.0 * np.nonzero(metal)[2].mean()
    assert sign * x > 30


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_noise():
    narrow = {"spacing_mm": (6.0, 4.0, 4.0), **COARSE, "levels": found()}
    first, again, other = (ct(CHILD, "abdomen", **narrow, seed=seed) for seed in (3, 3, 4))
    assert first[0].array.tobytes() == again[0].array.tobytes()
    assert first[0].array.tobytes() != other[0].array.tobytes()
    assert np.array_equal(first[1].array, other[1].array)


def test_a_view_shows_the_labels_of_the_whole():
    """Also at its upper and lower end, where walls belong to what lies beyond."""
    whole = paint(CHILD, whole_grid(CHILD, 4.0), found())[0]
    part = ct(CHILD, "random", 4.0, **COARSE, levels=found(), seed=5)[1]
    first = round((part.origin_mm[0] - whole.origin_mm[0]) / 4.0)
    same = whole.array[first : first + len(part.array)]
    assert (part.array == same).mean() > 0.999
    assert 0 < first < first + len(part.array) < len(whole.array)


def test_fields_of_view_show_what_they_are_called():
    head = ct(CHILD, "head_neck", 5.0, **COARSE, levels=found())[1].array
    assert (head == label("brain")).any() and not (head == label("liver")).any()
    assert not (chest()[1].array == label("urinary_bladder")).any()


def test_an_unknown_field_of_view_is_named_in_the_error():
    with pytest.raises(ValueError, match="got 'knee'"):
        ct(CHILD, "knee", levels=found())
