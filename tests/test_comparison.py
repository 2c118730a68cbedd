from typing import NamedTuple

import numpy as np
import pytest

from phantomloom.library import comparison, pictures
from phantomloom.library.comparison import Body
from phantomloom.structures import label, structures
from phantomloom.volume import Volume

WINDOW = (-160.0, 240.0)
PIXELS = 200


class Mesh(NamedTuple):
    vertices_mm: np.ndarray
    faces: np.ndarray


def patient():
    """CT and labels [Z, Y, X] at 4 mm: a block of flesh, liver on the right, spleen on the left."""
    ct, labels = np.full((40, 50, 60), -1000, np.int16), np.zeros((40, 50, 60), np.uint8)
    ct[:, 10:40, 10:50] = 40
    labels[10:30, 15:35, 15:27] = label("liver")
    labels[10:30, 15:35, 35:45] = label("spleen")
    return Volume(ct, (4.0,) * 3, (-30.0, 20.0, 7.0)), Volume(
        labels, (4.0,) * 3, (-30.0, 20.0, 7.0)
    )


def drawn_over(name, hu=40):
    """What a named structure looks like on flesh, away from outlines."""
    grey = round((hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]) * 255)
    labels = np.full((3, 3), label(name), np.uint8)
    return pictures.overlay(np.full((3, 3, 3), grey, np.uint8), labels)[1, 1]


def where(picture, colour):
    """Mean (row, column) of the pixels of a colour."""
    found = np.argwhere((picture == colour).all(axis=2))
    assert len(found), "not in the picture"
    return found.mean(axis=0)


def panels(ct, reference, *found):
    """The three panels above each other's planes: CT, reference, prediction."""
    sheet = np.asarray(comparison.side_by_side("ann", ct, reference, found, WINDOW, PIXELS))
    width = (sheet.shape[1] - 2 * pictures.GAP_PIXELS) // 3
    return [sheet[:, i * (width + pictures.GAP_PIXELS) :][:, :width] for i in range(3)]


def test_reference_and_prediction_are_in_the_structures_colours_left_on_the_viewers_right():
    ct, reference = patient()
    source, left, right = panels(ct, reference, reference)
    for panel in (left, right):
        assert where(panel, drawn_over("liver"))[1] < PIXELS / 2 - 20
        assert where(panel, drawn_over("spleen"))[1] > PIXELS / 2 + 20
    assert not (source[60:-40] == drawn_over("liver")).all(axis=2).any()
    assert (left[60:-40] == right[60:-40]).all()  # between the names of panels and the legend


def test_both_planes_pass_through_the_middle_of_what_the_reference_labels():
    ct, reference = patient()
    lower = reference.array.copy()
    lower[15:], lower[:, 20:] = 0, 0  # the liver's middle is now elsewhere than the body's
    _, shown, _ = panels(ct, reference.with_array(lower), reference)
    rows = np.argwhere((shown == drawn_over("liver")).all(axis=2))[:, 0]
    assert np.diff(rows).max() > 30  # in the coronal panel and, further down, the axial one


def test_a_prediction_shows_only_what_the_reference_names_and_the_first_model_wins():
    _, reference = patient()
    first = np.zeros_like(reference.array)
    first[5:20] = label("spleen")
    first[20:] = label("aorta")
    second = np.full_like(first, label("liver"))
    found = comparison.restricted([reference.with_array(a) for a in (first, second)], reference)
    assert (found.array[:5] == label("liver")).all()
    assert (found.array[5:20] == label("spleen")).all()
    assert (found.array[20:] == label("liver")).all()


def test_a_reference_that_labels_nothing_is_shown_beside_nothing():
    ct, reference = patient()
    empty = reference.with_array(np.zeros_like(reference.array))
    assert not comparison.restricted([reference], empty).array.any()
    _, shown, found = panels(ct, empty, reference)
    for panel in (shown, found):
        assert not (panel == drawn_over("liver")).all(axis=2).any()


def test_a_map_on_another_grid_is_refused():
    _, reference = patient()
    shifted = Volume(reference.array, (4.0,) * 3)
    with pytest.raises(ValueError, match="label map 2 lies on another grid"):
        comparison.restricted([reference, shifted], reference)


def test_the_legend_names_both_sides_once_in_their_colour():
    ids = [label(name) for name in ("kidney_left", "kidney_right", "aorta")]
    picture = np.asarray(comparison.legend(ids, 3 * comparison.ENTRY_PIXELS))
    columns = [picture[:, i * comparison.ENTRY_PIXELS :][:, :30] for i in range(3)]
    for column, name in zip(columns, ("kidney_left", "aorta"), strict=False):
        assert (column == pictures.rgb(structures()[name])).all(axis=2).any()
    assert (columns[2] == pictures.GROUND).all()


def box_mesh(low, high):
    """A box with outward faces, corners (x, y, z) in mm."""
    corners = np.array([[(low, high)[i >> n & 1][n] for n in range(3)] for i in range(8)], float)
    sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))])
    return Mesh(corners, faces)


def body(tall):
    """A block ``tall`` voxels of 10 mm high, of liver but for a spleen at the left of its feet."""
    labels = np.zeros((tall + 4, 12, 24), np.uint8)
    labels[2 : 2 + tall, 2:10, 4:20] = label("liver")
    labels[2:8, 2:10, 14:20] = label("spleen")
    volume = Volume(labels, (10.0,) * 3)
    hu = volume.with_array(np.where(labels > 0, 40, -1000).astype(np.int16))
    mesh = box_mesh((35, 15, 15), (195, 95, 15 + 10 * tall))
    return Body("somebody", hu, volume, {"liver": mesh})


def test_people_stand_on_one_line_at_one_scale_the_left_on_the_viewers_right():
    sheet = np.asarray(comparison.people([body(60), body(30)], WINDOW, 5.0))
    middle = sheet.shape[1] // 2
    labels = [
        (c == drawn_over("liver")).all(axis=2) for c in (sheet[:, :middle], sheet[:, middle:])
    ]
    tall, small = (np.flatnonzero(liver.any(axis=1)) for liver in labels)
    assert tall.max() == small.max()
    assert np.ptp(tall) - np.ptp(small) == pytest.approx(300 / 5.0, abs=2)
    for column, liver in zip((sheet[:, :middle], sheet[:, middle:]), labels, strict=True):
        spleen = where(column, drawn_over("spleen"))
        assert spleen[1] > np.argwhere(liver).mean(axis=0)[1] + 5
        assert spleen[0] > np.argwhere(liver).mean(axis=0)[0]


def test_a_rendering_lies_where_the_ct_lies_in_its_panel():
    sheet = np.asarray(comparison.people([body(60), body(30)], WINDOW, 5.0)).astype(int)
    height = (sheet.shape[0] - 26 - 2 * pictures.GAP_PIXELS) // 3
    ct = sheet[26 : 26 + height]
    rendering = sheet[-height:]
    flesh = (ct[..., 0] == 128) & (ct[..., 2] == 128)
    red = rendering[..., 0] - rendering[..., 2] > 30
    for axis in (0, 1):
        places = [np.flatnonzero(seen.any(axis=axis))[[0, -1]] for seen in (flesh, red)]
        assert np.abs(places[0] - places[1]).max() <= 2


def test_what_would_hide_bones_and_organs_is_taken_away_but_not_the_skin():
    names = ("liver", "rib_left_7", "skin", "muscles", "subcutaneous_fat", "breast_left", "face")
    labels = np.array([[[label(name) for name in names]]], np.uint8)
    kept = comparison.unveiled(Volume(labels, (3.0,) * 3)).array[0, 0]
    assert kept.tolist() == [label(name) for name in names[:3]] + [0] * 4


@pytest.mark.parametrize(
    ("sex", "age", "words"),
    [("F", 34.2, "woman, 34 years, 165 cm"), ("M", 7.0, "boy, 7 years, 165 cm")],
)
def test_a_caption_says_who_it_is(sex, age, words):
    assert comparison.caption(sex, age, 165.0) == words


def test_nobody_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="nobody"):
        comparison.people([], WINDOW, 5.0)
