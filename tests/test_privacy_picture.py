import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from phantomloom.privacy import picture

F1 = {"public": 0.7, "0.01": 0.7, "0.1": 0.75, "1": 0.8, "10": 0.85, "lora": 0.88, "full": 0.9}
EPSILON = {"public": 0.0, "lora": None, "full": None}


def metrics(f1, sd):
    return {"weighted_f1": {"mean": f1, "sd": sd}}


def made(dataset="made up", model="tiny", shift=0.0, sd=0.01, f1=F1, floor=0.3):
    """What the picture reads of a comparison."""
    baselines = {"rules": 0.81, "bag_of_words": 0.805, "all_positive": floor}
    return {
        "dataset": dataset,
        "model": model,
        "levels": [
            {
                "level": name,
                "epsilon": EPSILON[name] if name in EPSILON else float(name),
                "metrics": metrics(value + shift, sd),
                "gain": None
                if name == "public"
                else {"difference": value - 0.7, "low": value - 0.72, "high": value - 0.69},
            }
            for name, value in f1.items()
        ],
        "baselines": [
            {"name": name, "metrics": metrics(value, sd)} for name, value in baselines.items()
        ],
    }


def words(panel):
    return [text.get_text() for text in panel.texts]


def test_budgets_are_a_curve_with_bars_over_the_gain_with_its_interval():
    above, below = picture.figure([made()]).axes
    curve, ends = above.containers
    assert curve.lines[0].get_xydata().tolist() == [
        [0.01, 0.7],
        [0.1, 0.75],
        [1.0, 0.8],
        [10.0, 0.85],
    ]
    low, high = curve.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.69, 0.71))
    assert ends.lines[0].get_ydata().tolist() == [0.7, 0.88, 0.9]
    low, high = below.containers[0].lines[2][0].get_segments()[3][:, 1]
    assert (low, high) == pytest.approx((0.13, 0.16))
    ticks = [tick.get_text() for tick in below.get_xticklabels()]
    assert ticks == ["0\npublic", "0.01", "0.1", "1", "10", "LoRA\nno DP", "full\nno DP"]


def test_lines_stand_at_the_baselines_and_ends_and_are_named():
    above, _ = picture.figure([made(floor=0.6)]).axes
    across = [line.get_ydata()[0] for line in above.lines if list(line.get_xdata()) == [0, 1]]
    assert sorted(across) == [0.6, 0.7, 0.805, 0.81, 0.88, 0.9]
    assert words(above) == [
        *("all positive 0.600", "public model 0.700", "bag of words 0.805", "rules 0.810"),
        *("LoRA, no DP 0.880", "full, no DP 0.900"),
    ]


def test_a_floor_far_down_does_not_flatten_the_rest():
    above, _ = picture.figure([made(floor=0.3)]).axes
    assert above.get_ylim()[0] > 0.6
    assert "all positive 0.300 ↓" in words(above)


def test_models_share_a_panel_and_data_sets_have_their_own():
    shown = [made(), made(model="large", shift=0.03), made(dataset="other", model="large")]
    first, second, *_ = picture.figure(shown).axes
    assert first.get_title() == "made up" and second.get_title() == "other: large"
    assert {"tiny", "large"} <= set(words(first))
    assert first.get_ylim() == second.get_ylim()
    tiny, large = (first.containers[n].lines[0] for n in (0, 2))
    assert tiny.get_color() != large.get_color() == second.containers[0].lines[0].get_color()
    assert (tiny.get_xdata() < large.get_xdata()).all()  # bars side by side


def test_one_seed_and_no_ends_are_drawn(tmp_path):
    few = {name: F1[name] for name in ("public", "1")}
    shown = [made(sd=None, f1=few), made(model="large", sd=None, f1=few)]
    for name in ("one.png", "two.png"):
        picture.draw(shown, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no comparison"):
        picture.draw([], tmp_path / "tradeoff.png")


def test_labels_are_moved_as_little_as_their_distance_asks():
    heights = np.array([0.0, 0.02, 0.5, 0.52, 0.53, 0.99])
    places = picture.spread(heights, 0.1)
    found = minimize(
        lambda x: np.sum((x - heights) ** 2),
        np.linspace(0, 1, 6),
        bounds=[(0, 1)] * 6,
        constraints={"type": "ineq", "fun": lambda x: np.diff(x) - 0.1},
    )
    assert places == pytest.approx(found.x, abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_labels_never_lie_over_another_nor_outside(heights):
    places = picture.spread(np.sort(heights), 0.08)
    assert (np.diff(places) > 0.08 - 1e-9).all()
    assert (places >= -1e-9).all() and (places <= 1 + 1e-9).all()
