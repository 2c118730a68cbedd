"""The grid and the curves, by what stands where."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from phantomloom.gan.pictures import COLOURS, GAP, HEADER, coloured, curves, grid

MASKS = np.array([np.full((64, 64), 1), np.full((64, 64), 2)], np.uint8)
STEP = 128 + GAP


def pixel(image, row, column):
    """The colour at the middle of a tile."""
    return image.getpixel((column * STEP + 64, HEADER + row * STEP + 64))


def test_a_class_has_its_colour_and_a_single_class_is_white():
    found = coloured(np.array([[0, 1, 2]]), 2)
    expected = [(0, 0, 0), *(tuple(bytes.fromhex(c[1:])) for c in COLOURS[:2])]
    assert [tuple(colour) for colour in found[0].tolist()] == expected
    assert coloured(np.array([0, 1]), 1).tolist() == [[0] * 3, [255] * 3]
    assert len({tuple(c) for c in coloured(np.arange(1, 17), 16).tolist()}) == 16
    assert coloured(np.array(17), 20).tolist() == coloured(np.array(1), 20).tolist()


def test_rows_are_masks_and_columns_what_was_given():
    real = torch.stack([torch.full((1, 64, 64), level) for level in (-1.0, 1.0)])
    sample = torch.stack(
        [
            torch.tensor(c).view(3, 1, 1).expand(3, 32, 32)
            for c in ((1.0, -1.0, -1.0), (-1.0, 1.0, 0.0))
        ]
    )
    image = grid(MASKS, ("body", "liver"), [("real", real), ("sample 1", sample)], ("a", "b"))
    assert image.width == 3 * STEP - GAP and image.height > HEADER + 2 * STEP
    colours = [tuple(bytes.fromhex(c[1:])) for c in COLOURS[:2]]
    assert [pixel(image, row, 0) for row in (0, 1)] == colours
    assert [pixel(image, row, 1) for row in (0, 1)] == [(0,) * 3, (255,) * 3]
    assert [pixel(image, row, 2) for row in (0, 1)] == [(255, 0, 0), (0, 255, 128)]
    legend = np.asarray(image)[HEADER + 2 * STEP :].reshape(-1, 3)
    assert all((legend == colour).all(axis=1).any() for colour in colours)


def test_headers_and_names_are_written():
    image = np.asarray(grid(MASKS, ("body", "liver"), [("real", torch.zeros(2, 1, 64, 64))]))
    named = np.asarray(
        grid(MASKS, ("body", "liver"), [("real", torch.zeros(2, 1, 64, 64))], ("p/z1", "p/z2"))
    )
    assert image[:HEADER, :128].max() > 200 and image[:HEADER, STEP:].max() > 200
    assert (named != image).any()


def test_a_legend_of_many_classes_goes_on_in_more_lines():
    few, many = (
        grid(MASKS, [f"structure {n}" for n in range(count)], []).height for count in (2, 12)
    )
    assert many > few


def lines(offset=0.0):
    told = [{"images": 100 * n, "critic": offset + n, "generator": -n} for n in range(1, 41)]
    return [*told, {"images": 4000, "swd": 3.0}]


def test_each_key_has_a_panel_and_each_run_its_colour():
    drawn = curves({"paper": [lines()], "modern": [lines(1.0)]}, ("critic", "generator"), "images")
    critic, generator = drawn.axes
    assert critic.get_ylabel() == "critic" and generator.get_xlabel() == "images"
    raw, smooth, other, _ = critic.lines
    assert raw.get_xdata().tolist() == [100 * n for n in range(1, 41)]
    assert raw.get_ydata().tolist() == list(range(1, 41))
    assert other.get_ydata()[0] == 2
    middle = smooth.get_ydata()[19]
    assert middle == pytest.approx(np.mean(range(13, 28)))  # of 15 points
    colours = [to_hex(panel.lines[1].get_color()) for panel in (critic, generator)]
    assert colours[0] == colours[1] != to_hex(critic.lines[3].get_color())
    (legend,) = drawn.legends
    assert [words.get_text() for words in legend.texts] == ["paper", "modern"]


def test_seeds_of_a_variant_have_one_colour_and_a_stray_one_does_not_hide_the_others():
    stray = lines()
    stray[20] = stray[20] | {"critic": 1e6}
    drawn = curves({"paper": [lines(), stray], "modern": [lines(1.0)]}, ("critic",), "images")
    (critic,) = drawn.axes
    colours = [to_hex(line.get_color()) for line in critic.lines]
    assert len(set(colours[:4])) == 1 and colours[4] != colours[0]
    assert critic.get_ylim()[1] < 1e6 and critic.get_ylim()[0] < 1
    (legend,) = drawn.legends
    assert [words.get_text() for words in legend.texts] == ["paper", "modern"]


def test_a_log_without_a_key_is_named():
    with pytest.raises(ValueError, match="the training log of paper has no line with 'loss'"):
        curves({"paper": [lines()]}, ("loss",), "images")
    with pytest.raises(ValueError, match="no training log to draw"):
        curves({}, ("loss",), "images")
