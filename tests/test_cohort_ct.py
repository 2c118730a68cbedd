"""The CT of stylised people: HU where the labels say, a couch in the room, one grid for both."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from phantomloom.cohort import Scanner, ct, imaging, labels, levels, person, rendering
from phantomloom.cohort.painting import paint, whole_grid
from phantomloom.cohort.rendering import implants
from phantomloom.cohort.shapes import union
from phantomloom.cohort.unnamed import UNNAMED
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


@pytest.mark.parametrize(("fine_mm", "width_mm"), [(1.5, 2.0), (2.5, 3.0), (1.5, 3.0), (2.0, 5.0)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_voxels_share_what_lies_in_them_among_them(axis, fine_mm, width_mm):
    grid = Volume(np.zeros((60, 60, 60), np.uint8), (fine_mm,) * 3, (0.0,) * 3)
    target = Volume(np.zeros((10, 10, 10), np.uint8), (width_mm,) * 3, (10.0,) * 3)
    for layer in range(8, 11):
        thin = np.zeros(grid.array.shape)
        np.moveaxis(thin, axis, 0)[layer] = 1
        found = imaging._sampled(thin, grid, target, blur_mm=0.0, thickness_mm=width_mm)
        along = found.mean(axis=tuple({0, 1, 2} - {axis}))
        assert along.sum() * width_mm == pytest.approx(fine_mm)


def test_contrast_raises_the_aorta_and_not_the_muscle():
    assert np.median(hu("aorta", "arterial")) > np.median(hu("aorta")) + 100
    assert abs(np.median(hu("muscles", "arterial")) - np.median(hu("muscles"))) < 15


def test_the_couch_is_in_the_ct_and_not_in_the_labels():
    image, labels = chest()
    rows = np.flatnonzero((labels.array > 0).any(axis=(0, 2)))
    behind = image.array[:, rows[-1] + 2 :]
    assert (behind > -500).any(axis=2).any(axis=1).all()


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


@cache
def head() -> tuple[np.ndarray, np.ndarray]:
    """What is painted of a head in the portal phase, and its HU without noise."""
    someone = replace(CHILD, phase="portal_venous")
    grid = imaging._field(someone, "head_neck", 2.0, np.random.default_rng(0))
    fine = imaging._painted(someone, grid, found())
    return fine.array, rendering.render(someone, fine, np.random.default_rng(1))


def test_brain_lies_in_darker_fluid_and_vessels_without_a_name_are_enhanced():
    painted, hu = head()
    fluid, vein = (hu[painted == UNNAMED[n]] for n in ("cerebrospinal_fluid", "neck_vein"))
    assert np.median(fluid) < 20 < np.median(hu[painted == label("brain")]) < 50
    assert np.median(vein) > 100
    assert not np.isin(list(UNNAMED.values()), chest()[1].array).any()


def test_air_goes_from_the_throat_to_the_lungs():
    painted, hu = head()
    parts, _ = ndimage.label((hu < -500) & (painted > 0))
    throat, windpipe = (np.unique(parts[painted == label(n)]) for n in ("gas", "trachea"))
    assert set(throat) & set(windpipe) - {0}


def test_bones_that_touch_have_a_rim_between_them():
    block = np.zeros((12, 12, 12), np.uint8)
    block[2:6, 2:-2, 2:-2], block[6:10, 2:-2, 2:-2] = label("vertebrae_L5"), label("vertebrae_L4")
    hu = np.zeros(block.shape, np.float32)
    rendering._bones(CHILD, Volume(block, (1.5,) * 3, (0.0,) * 3), hu)
    assert (hu[5:7, 5, 5] == hu[2, 5, 5]).all() and hu[4, 5, 5] < hu[5, 5, 5]


def test_a_hollow_organ_has_a_wall_all_around():
    z, y, x = np.indices((21, 21, 21)) - 10
    ball = np.hypot(np.hypot(z, y), x) <= 8
    ids = np.where(ball, label("stomach"), label("visceral_fat")).astype(np.uint8)
    hu = np.zeros(ids.shape, np.float32)
    grid = Volume(ids, (1.5,) * 3, (0.0,) * 3)
    rendering._content(CHILD, grid, hu, "stomach", 1.0, np.random.default_rng(2))
    gas = hu == -960
    assert gas.any() and not (ndimage.binary_dilation(gas) & ~ball).any()


@pytest.mark.parametrize("spacing_mm", [1.0, 3.0])
def test_noise_is_as_strong_in_lungs_as_in_the_liver_and_weaker_in_the_room(spacing_mm):
    shape = (8, *[round(240 / spacing_mm)] * 2)
    inside = np.zeros(shape, bool)
    inside[:, :, : shape[2] // 2] = True
    grid = Volume(np.zeros(shape, np.uint8), (3.0, spacing_mm, spacing_mm), (0.0,) * 3)
    machine = Scanner(noise_hu=12.0, grain_mm=1.5)
    noise = imaging._noise(inside, grid, machine, 3.0, np.random.default_rng(3))
    body, room = noise[..., : shape[2] // 2], noise[..., -round(60 / spacing_mm) :]
    assert body.std() == pytest.approx(12, rel=0.1)
    assert room.std() == pytest.approx(6, rel=0.1)
    thick = imaging._noise(inside, grid, machine, 12.0, np.random.default_rng(3))
    np.testing.assert_allclose(thick, noise / 2, rtol=1e-5)
