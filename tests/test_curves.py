import json

import numpy as np
import pytest
from matplotlib.colors import to_hex

from phantomloom.segmentation.training import curves

STEPS = range(20, 620, 20)


def lines(offset=0.0):
    """30 points of two models' losses, and three of a Dice."""
    losses = [
        {"step": s, "loss": 1.0, "losses": {"torso": offset + 60 / s, "body": offset + 30 / s}}
        for s in STEPS
    ]
    return losses + [{"step": s, "dice": s / 1000} for s in (200, 400, 600)]


def write(path, content):
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    return path


def test_a_run_has_its_losses_raw_and_smoothed_above_its_dice():
    drawn = curves.figure({"first": lines(), "second": lines(1.0)})
    above, _, below, _ = drawn.axes
    assert above.get_title() == "first"
    raw, smooth, *_ = above.lines
    assert raw.get_xdata().tolist() == list(STEPS)
    assert raw.get_ydata() == pytest.approx([60 / s for s in STEPS])
    tenth = np.mean([60 / s for s in STEPS[:10]])
    assert np.isclose(smooth.get_ydata(), tenth).any()  # of ten points
    assert below.lines[0].get_xydata().tolist() == [[200, 0.2], [400, 0.4], [600, 0.6]]


def test_runs_share_their_scales_and_a_model_its_colour():
    drawn = curves.figure({"first": lines(), "second": lines(1.0)})
    first, second = drawn.axes[:2]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[1] > 4.0  # the largest of the second
    (legend,) = drawn.legends
    pairs = zip(legend.texts, legend.get_lines(), strict=True)
    keys = {words.get_text(): to_hex(key.get_color()) for words, key in pairs}
    for panel in (first, second):
        drawn_as = {line.get_label(): to_hex(line.get_color()) for line in panel.lines[1::2]}
        assert drawn_as == keys
    assert len(set(keys.values())) == 2


def test_a_run_that_has_no_dice_yet_is_drawn(tmp_path):
    log = write(tmp_path / "log.jsonl", lines()[:1])
    curves.draw({"young": log}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_equal_logs_give_equal_bytes(tmp_path):
    log = write(tmp_path / "log.jsonl", lines())
    for name in ("one.png", "two.png"):
        curves.draw({"run": log}, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("content", ["", '{"step": 200, "dice": 0.3}\n', '{"step": 20, "lo'])
def test_a_log_without_points_or_cut_off_is_named(tmp_path, content):
    (tmp_path / "empty.jsonl").write_text(content)
    with pytest.raises(ValueError, match=r"empty\.jsonl"):
        curves.draw({"run": tmp_path / "empty.jsonl"}, tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()


def test_no_logs_are_an_error_of_the_caller(tmp_path):
    with pytest.raises(ValueError, match="no training log"):
        curves.draw({}, tmp_path / "curves.png")
