from typing import NamedTuple

import numpy as np
import pytest

from phantomloom.library import gallery, pictures
from phantomloom.library.gallery import Settings, Subject
from phantomloom.library.pictures import PLANES
from phantomloom.library.render import frontal
from phantomloom.structures import label, structures
from phantomloom.volume import Volume

SETTINGS = Settings(window_hu=(-160, 240), picture_pixels=120, thumbnail_pixels=48)
LEFT, BACK, HEAD = "liver", "spleen", "aorta"  # the ends of the tripod's arms, by colour


def tripod(spacing_mm=(2.0, 1.0, 1.5)):
    """Arms of 3 voxels to the left, 5 to the back and 7 to the head, from a corner in bone."""
    labels = np.zeros((16, 14, 12), np.uint8)
    z, y, x = 3, 4, 5
    labels[z : z + 8, y, x] = label(HEAD)
    labels[z, y : y + 6, x] = label(BACK)
    labels[z, y, x : x + 4] = label(LEFT)
    labels[z, y, x] = label("sternum")
    return Volume(labels, spacing_mm, (-20.0, 15.0, 40.0))


def middle(labels, name):
    """Where in the picture a structure is: (row, column)."""
    rows, columns = np.nonzero(labels == label(name))
    return rows.mean(), columns.mean()


def seen(name, pixels=160):
    plane, volume = PLANES[name], tripod()
    corner = (
        volume.origin_mm[plane.normal] + (3, 4, 5)[plane.normal] * volume.spacing_mm[plane.normal]
    )
    frame = pictures.frame(pictures.bounds(volume), plane, corner, pixels)
    return pictures.section(volume, frame), frame


def test_from_the_front_the_left_arm_points_to_the_viewers_right_and_the_head_is_up():
    labels, _ = seen("coronal")
    row, column = middle(labels, "sternum")
    assert middle(labels, LEFT)[1] > column
    assert middle(labels, HEAD)[0] < row
    assert PLANES["coronal"].letters == "RLHF"


def test_from_the_feet_left_is_on_the_viewers_right_and_the_back_is_down():
    labels, _ = seen("axial")
    row, column = middle(labels, "sternum")
    assert middle(labels, LEFT)[1] > column
    assert middle(labels, BACK)[0] > row
    assert PLANES["axial"].letters == "RLAP"


def test_from_the_side_the_front_is_on_the_viewers_left_and_the_head_is_up():
    labels, _ = seen("sagittal")
    row, column = middle(labels, "sternum")
    assert middle(labels, BACK)[1] > column
    assert middle(labels, HEAD)[0] < row
    assert PLANES["sagittal"].letters == "APHF"


@pytest.mark.parametrize(
    ("plane", "name", "axis", "mm"),
    [
        ("coronal", HEAD, 0, 7 * 2.0),
        ("coronal", LEFT, 1, 3 * 1.5),
        ("axial", BACK, 0, 5 * 1.0),
        ("axial", LEFT, 1, 3 * 1.5),
    ],
)
def test_arms_are_as_long_in_the_picture_as_in_the_patient(plane, name, axis, mm):
    labels, frame = seen(plane, pixels=480)
    places = np.nonzero(labels == label(name))[axis]
    assert (np.ptp(places) + 1) * frame.pixel_mm == pytest.approx(mm, abs=2 * frame.pixel_mm)


def test_volumes_on_different_grids_show_the_same_place_at_the_same_pixel():
    z, y, x = np.mgrid[0:40, 0:30, 0:20]
    fine = Volume((10 * z + 3 * y - 5 * x).astype(np.int16), (1.0, 1.0, 1.0))
    coarse = Volume(fine.array[4:36:2, ::2, ::2], (2.0, 2.0, 2.0), (4.0, 0.0, 0.0))
    box = ((8.0, 30.0), (2.0, 26.0), (2.0, 16.0))
    frame = pictures.frame(box, PLANES["coronal"], 11.0, 50)
    assert np.allclose(pictures.section(fine, frame), pictures.section(coarse, frame), atol=1e-3)


def test_what_a_simulated_ct_does_not_cover_is_black():
    ct = Volume(np.full((4, 4, 4), 40, np.int16), (1.0, 1.0, 1.0))
    frame = pictures.frame(((-9.0, 9.0),) * 3, PLANES["coronal"], 1.0, 18)
    shown = pictures.grey(pictures.section(ct, frame), (-160, 240))
    assert shown[7, 10].tolist() == [128] * 3  # 40 HU is the middle of the window
    assert not shown[0].any()


@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_a_volume_is_drawn_from_border_to_border(kind):
    slices = Volume(np.full((2, 4, 4), 9, kind), (10.0, 5.0, 5.0))
    frame = pictures.frame(pictures.bounds(slices), PLANES["coronal"], 5.0, 360)
    drawn = pictures.section(slices, frame, outside=0) == 9
    assert drawn.any(axis=1).sum() * frame.pixel_mm == pytest.approx(2 * 10, abs=frame.pixel_mm)
    assert drawn.any(axis=0).sum() * frame.pixel_mm == pytest.approx(4 * 5, abs=frame.pixel_mm)


def test_the_axial_picture_lies_where_the_simulated_ct_has_been():
    labels = np.zeros((10, 8, 8), np.uint8)
    labels[2, 2:4, 2:4] = label("liver")
    labels[8] = label("liver")
    volume = Volume(labels, (3.0, 1.0, 1.0))
    lower = Volume(np.zeros((5, 8, 8), np.int16), (3.0, 1.0, 1.0))
    assert pictures.best_position_mm(volume, PLANES["axial"]) == 24.0
    assert pictures.best_position_mm(volume, PLANES["axial"], lower) == 6.0


def test_structures_are_drawn_in_their_colour_and_the_background_stays_grey():
    labels = np.zeros((9, 9), np.uint8)
    labels[2:7, 2:7] = label("urinary_bladder")
    drawn = pictures.overlay(np.full((9, 9, 3), 100, np.uint8), labels).astype(float)
    assert (drawn[0] == 100).all()
    before = np.linalg.norm(np.array(rgb_of("urinary_bladder")) - 100)
    after = np.linalg.norm(np.array(rgb_of("urinary_bladder")) - drawn[4, 4])
    assert after < before / 2


def rgb_of(name):
    return pictures.rgb(structures()[name])


class Mesh(NamedTuple):
    vertices_mm: np.ndarray
    faces: np.ndarray


def box_mesh(low, high):
    """Return a box with outward faces, corners (x, y, z) in mm."""
    corners = np.array([[(low, high)[i >> n & 1][n] for n in range(3)] for i in range(8)], float)
    sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))])
    return Mesh(corners, faces)


def reddish(picture):
    return picture[..., 0].astype(int) - picture[..., 2]


def test_the_mesh_picture_shows_left_on_the_right_head_up_and_the_front_before_the_back():
    picture = frontal(
        {
            "aorta": box_mesh((20, 0, 0), (60, 20, 40)),  # red; x grows to the left
            "inferior_vena_cava": box_mesh((-60, 0, 0), (-20, 20, 40)),  # blue
            "urinary_bladder": box_mesh((-60, 40, 60), (60, 60, 100)),  # yellow, up
            "portal_vein_and_splenic_vein": box_mesh((20, 70, 0), (60, 90, 40)),  # behind the red
        },
        pixels=120,
    )
    height, width, _ = picture.shape
    lower = picture[height * 3 // 4]
    assert reddish(lower[width * 5 // 6]) > 60
    assert reddish(lower[width // 6]) < -60
    green = picture[height // 5, width // 2].astype(int)
    assert min(green[0], green[1]) > 1.5 * green[2]


def test_skin_does_not_hide_what_is_behind_it():
    aorta = box_mesh((-20, 0, -20), (20, 20, 20))
    skin = box_mesh((-40, -30, -40), (40, 50, 40))
    picture = frontal({"aorta": aorta, "skin": skin}, pixels=100)
    assert reddish(picture[50, 50]) > 60


def test_a_surface_turned_from_the_light_is_darker():
    ball = 30 * np.array([(x, y, z) for x in (-1, 1) for y in (-1,) for z in (-1, 1)], float)
    tip = np.array([[0, -60.0, 0]])
    faces = np.array([[0, 2, 4], [2, 3, 4], [3, 1, 4], [1, 0, 4]])
    pyramid = Mesh(np.concatenate([ball, tip]), faces)
    picture = frontal({"liver": pyramid}, pixels=100).astype(int).sum(axis=2)
    assert (
        picture[35:65, 25:35].mean() > 1.1 * picture[35:65, 65:75].mean()
    )  # light from above left


def test_no_meshes_are_an_error_of_the_caller():
    with pytest.raises(ValueError, match="no mesh"):
        frontal({})


def test_a_case_without_scan_still_gets_all_its_pictures():
    subject = Subject(status="refused")
    assert set(gallery.sheets(subject, SETTINGS)) == set(PLANES)
    assert gallery.thumbnail(subject, SETTINGS).height == SETTINGS.thumbnail_pixels


def test_a_sheet_holds_source_labels_and_every_simulated_ct_side_by_side():
    labels = tripod()
    ct = labels.with_array(np.where(labels.array > 0, 40, -1000).astype(np.int16))
    alone = gallery.sheets(Subject(ct, labels), SETTINGS)["coronal"]
    three = gallery.sheets(Subject(ct, labels, {"simulated": ct}), SETTINGS)["coronal"]
    assert three.width == pytest.approx(alone.width * 1.5, abs=pictures.GAP_PIXELS)
    shown = np.asarray(three)
    panel = (three.width - 2 * pictures.GAP_PIXELS) // 3
    source, simulated = shown[40:, :panel], shown[40:, -panel:]
    assert (source == simulated).all()


def test_without_labels_the_body_is_found_by_its_density():
    ct = np.full((10, 12, 14), -1000, np.int16)
    ct[3:7, 4:8, 5:9] = 30
    picture = gallery.sheets(Subject(Volume(ct, (3.0,) * 3)), SETTINGS)["axial"]
    assert np.asarray(picture)[picture.height // 2 + 10, picture.width // 2].max() > 100
