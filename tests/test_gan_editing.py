"""Edits of a class map against what they must leave as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.gan.editing import moved, removed, scaled


def disc(radius, centre=(16.0, 16.0), size=32):
    y, x = np.indices((size, size))
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def phantom():
    """A body (1) with muscle (2) below and an organ (3) in it, and a bone (4)."""
    classes = np.zeros((32, 32), np.uint8)
    classes[disc(13)] = 1
    classes[disc(13) & (np.indices((32, 32))[0] > 20)] = 2
    classes[disc(4, (15, 12))] = 3
    classes[disc(2, (16, 22))] = 4
    return classes


@settings(max_examples=50, deadline=None)
@given(st.integers(-6, 6), st.integers(-4, 6))
def test_a_moved_structure_has_its_area_and_shape_elsewhere(dy, dx):
    before = phantom()
    after = moved(before, 3, dy, dx)
    rows, columns = np.nonzero(before == 3)
    expected = np.zeros_like(before, bool)
    expected[rows + dy, columns + dx] = True
    np.testing.assert_array_equal(after == 3, expected)
    assert (after[before > 0] > 0).all()  # the body has no hole
    untouched = ~expected & (before != 3)
    np.testing.assert_array_equal(after[untouched], before[untouched])
    np.testing.assert_array_equal(before, phantom())  # an edit makes a new map


def test_what_is_removed_becomes_the_nearest_class_by_a_loop():
    before = phantom()
    after = removed(before, 3)
    assert not (after == 3).any()
    np.testing.assert_array_equal(after[before != 3], before[before != 3])
    others = np.argwhere((before > 0) & (before != 3))
    for y, x in np.argwhere(before == 3):
        apart = np.hypot(*(others - (y, x)).T)
        nearest = {int(before[tuple(p)]) for p in others[np.isclose(apart, apart.min())]}
        assert after[y, x] in nearest


def test_a_structure_at_the_surface_leaves_no_hole_in_the_body():
    before = phantom()
    after = removed(before, 2)
    np.testing.assert_array_equal(after > 0, before > 0)


def test_the_only_class_leaves_background():
    face = disc(9).astype(np.uint8)
    assert not removed(face, 1).any()
    after = moved(face, 1, 3, -4)
    np.testing.assert_array_equal(after, disc(9, (19, 12)))


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.25, 1.8])
def test_a_scaled_structure_has_the_area_of_the_square_of_the_factor(factor):
    classes = np.ones((128, 128), np.uint8)
    classes[disc(20, (60, 70), 128)] = 2
    after = scaled(classes, 2, factor)
    area = (after == 2).sum()
    assert area == pytest.approx(np.pi * (20 * factor) ** 2, rel=0.03)
    centre = np.argwhere(after == 2).mean(axis=0)
    np.testing.assert_allclose(centre, (60, 70), atol=0.3)
    if factor == 1:
        np.testing.assert_array_equal(after, classes)


def test_edits_that_cannot_be_are_named():
    with pytest.raises(ValueError, match=r"class 7 is not in this mask, which has \[1, 2, 3, 4\]"):
        removed(phantom(), 7)
    with pytest.raises(ValueError, match="class 0 is not in this mask"):
        removed(phantom(), 0)
    with pytest.raises(ValueError, match="class 3 would leave the picture when moved by 0, -9"):
        moved(phantom(), 3, 0, -9)
    with pytest.raises(ValueError, match="class 3 would leave the picture"):
        moved(phantom(), 3, 20, 0)
    with pytest.raises(ValueError, match="factor: more than 0"):
        scaled(phantom(), 3, 0)
    dots = np.ones((8, 8), np.uint8)
    dots[2, 2] = dots[2, 5] = 2
    with pytest.raises(ValueError, match=r"no pixel is left at 0\.1 times"):
        scaled(dots, 2, 0.1)
