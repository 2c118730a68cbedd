"""Synthetic spines of boxes: the labels that each bone was built with are the oracle."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from phantomloom.ribs import RIBS
from phantomloom.spine import consistent
from phantomloom.structures import label
from phantomloom.vertebrae import VERTEBRAE
from phantomloom.volume import Volume

LARGEST = 0.4

LUMBAR = ["T11", "T12", "L1", "L2", "L3", "L4", "L5"]
LOW_RIBS = ("T11", "T12")
PITCH_MM = 33.0
WHOLE = (slice(None),)


def spine(names, mm=(3.0, 3.0, 3.0), missing=(), ribs=(), disc_mm=6.0, flat=None):
    """Vertebrae one below the other, each a body, a pedicle on either side and an arch.

    The arches hang down to the level of the body below, and each touches the next one. ``ribs``
    slope down from the sides of the vertebrae that they are named after. ``flat`` gives the height
    in mm of bodies that collapsed.
    """
    size = (PITCH_MM * len(names) + 12, 96, 180)
    shape = [round(n / step) for n, step in zip(size, mm, strict=True)]
    axes = [step * (np.arange(n) + 0.5) for n, step in zip(shape, mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    x, flat = x - 90, flat or {}
    array = np.zeros(shape, np.uint8)
    for place, name in enumerate(names):
        down = size[0] - 6 - PITCH_MM * place - z  # from the upper end plate
        height = flat.get(name, PITCH_MM - disc_mm)
        body = (down >= 0) & (down < height) & (np.hypot(x, y - 36) < 20)
        pedicle = (down >= 3) & (down < 15) & (y > 48) & (y < 69) & (abs(abs(x) - 13) < 6)
        arch = (down >= 3) & (down < 3 + PITCH_MM) & (y > 66) & (y < 75) & (abs(x) < 18)
        if name not in missing:
            array[body | pedicle | arch] = label(f"vertebrae_{name}")
        for side, out in (("left", x), ("right", -x)):
            rib = (abs(down - 12 - 0.5 * (out - 24)) < 5) & (abs(y - 60) < 5) & (out > 24)
            if name in ribs:  # that of L1 is the thirteenth, for which there is no name
                number = 12 if name == "L1" else name[1:]
                array[rib & (array == 0)] = label(f"rib_{side}_{number}")
    return Volume(array, mm)


def mended(labels, array=None):
    """The mended array and its reports by bones; only ever names change."""
    array = labels.array if array is None else array
    result, reports = consistent(labels.with_array(array), LARGEST)
    assert ((result > 0) == (array > 0)).all()
    return result, {report["bones"]: report for report in reports}


def renamed(labels, names, where=WHOLE):
    """The labels with structures called otherwise, in a part of the grid."""
    result = labels.array.copy()
    for old, new in names.items():
        result[where][labels.array[where] == label(old)] = label(new)
    return result


def dice(array, labels, name):
    a, b = array == label(name), labels.array == label(name)
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def middle(labels, name):
    """Index along z of the middle of a bone's body."""
    return int(np.nonzero(labels.array[:, 12, 30] == label(name))[0].mean())


@pytest.mark.parametrize(
    ("names", "mm"),
    [
        ("T11 T12 L1 L2 L3 L4 L5", (3.0, 3.0, 3.0)),
        ("L1 L2 L3", (1.0, 1.3, 1.3)),
        ("L1 L2 L3", (5.0, 1.5, 1.5)),
        ("T11 T12 L2 L3 L4 L5", (3.0, 3.0, 3.0)),
        ("T12 L1 L2 L3 L4 L5 L5", (3.0, 3.0, 3.0)),
        ("T11 T12 L1 L1 L2 L3 L4 L5", (3.0, 3.0, 3.0)),
        ("L3", (3.0, 3.0, 3.0)),
    ],
    ids=["usual", "fine", "thick slices", "four lumbar", "L6 called L5", "two L1", "one bone"],
)
def test_right_labels_and_odd_numbers_of_vertebrae_stay_as_they_are(names, mm):
    labels = spine(names.split(), mm)
    result, report = mended(labels)
    assert (result == labels.array).all()
    assert report["vertebrae"]["changed_ml"] == 0 and report["vertebrae"]["applied"]


def test_a_bone_that_nobody_found_leaves_a_gap_and_no_number_moves():
    labels = spine(LUMBAR, missing=("L2",))
    assert (mended(labels)[0] == labels.array).all()


@pytest.mark.parametrize("name", LUMBAR)
def test_a_collapsed_vertebra_is_not_voted_away(name):
    labels = spine(LUMBAR, flat={name: 6.0})
    assert (mended(labels)[0] == labels.array).all()


def test_a_vertebra_of_half_the_height_is_a_bone_like_others():
    labels = spine(LUMBAR, flat={"L2": 15.0})
    result, _ = mended(labels, renamed(labels, {"vertebrae_L2": "vertebrae_L1"}))
    for name in LUMBAR:
        assert dice(result, labels, f"vertebrae_{name}") > 0.85, name


def test_a_part_that_touches_no_bone_keeps_its_name():
    labels = spine(LUMBAR)
    labels.array[20:23, 29:31, 3:6] = label("vertebrae_T3")
    assert (mended(labels)[0] == labels.array).all()


def test_a_part_that_hangs_on_another_far_from_every_bone_keeps_its_name():
    """A streak along a transverse process, called otherwise than the bone, in two parts."""
    labels = spine(LUMBAR)
    z = middle(labels, "vertebrae_L3")
    right = int(np.flatnonzero(labels.array[z, 12])[-1]) + 1
    streak = np.s_[z : z + 2, 11:13, right:]
    labels.array[streak] = label("vertebrae_L2")
    labels.array[streak][..., -8:] = label("vertebrae_L4")
    result, _ = mended(labels)
    assert (result[streak][..., :-8] == label("vertebrae_L3")).all()
    assert (result[streak][..., -8:] == label("vertebrae_L4")).all()


@pytest.mark.parametrize("cut", [14, 30])
def test_vertebrae_that_the_ends_of_the_scan_cut_keep_their_names(cut):
    whole = spine(LUMBAR)
    labels = Volume(whole.array[cut:-cut], whole.spacing_mm)
    assert (mended(labels)[0] == labels.array).all()


def test_specks_of_other_names_take_the_name_of_their_bone_whatever_it_is_called():
    labels = spine(LUMBAR)
    array = labels.array.copy()
    rng = np.random.default_rng(0)
    for z, y, x in rng.permutation(np.argwhere(array))[:30]:
        speck = array[z : z + 2, y : y + 2, x : x + 2]
        speck[speck > 0] = rng.choice(VERTEBRAE)
    result, report = mended(labels, array)
    wrong = np.count_nonzero(array != labels.array)
    assert np.count_nonzero(result != labels.array) < 0.05 * wrong
    assert report["vertebrae"]["changed_ml"] == pytest.approx(wrong * 0.027, rel=0.05)


@pytest.mark.parametrize("step", [-1, 1])
def test_half_a_body_of_the_next_ones_name_goes_back_to_its_bone(step):
    labels = spine(LUMBAR)
    z = middle(labels, "vertebrae_L2")
    half = (slice(z, None) if step < 0 else slice(None, z),)
    other = {-1: "vertebrae_L1", 1: "vertebrae_L3"}[step]
    array = renamed(labels, {"vertebrae_L2": other}, half)
    result, _ = mended(labels, array)
    body = (slice(None), slice(None, 22))  # arches touch, so where one ends is a guess
    assert (result[body] == labels.array[body]).all()
    assert dice(result, labels, "vertebrae_L2") > 0.85 > dice(array, labels, "vertebrae_L2")


@pytest.mark.parametrize(
    "names",
    [
        {"vertebrae_L2": "vertebrae_L1"},
        {"vertebrae_L2": "vertebrae_L3", "vertebrae_L3": "vertebrae_L2"},
        {"vertebrae_L2": "vertebrae_T3"},
    ],
    ids=["its neighbour's", "swapped", "a far one's"],
)
def test_a_bone_out_of_its_turn_gets_the_number_between_its_neighbours(names):
    labels = spine(LUMBAR)
    result, report = mended(labels, renamed(labels, names))
    for name in LUMBAR:
        assert dice(result, labels, f"vertebrae_{name}") > 0.9, name
    assert report["vertebrae"]["applied"]


UP = {f"vertebrae_{b}": f"vertebrae_{a}" for a, b in (("T10", "T11"), ("T11", "T12"))}
RIBS_UP = {f"rib_{s}_{n}": f"rib_{s}_{n - 1}" for s in ("left", "right") for n in (11, 12)}


def test_an_end_shifted_by_one_goes_back_where_the_ribs_say_so():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    result, _ = mended(labels, renamed(labels, UP))
    assert (result == labels.array).all()


@pytest.mark.parametrize(("ribs", "names"), [(LOW_RIBS, UP | RIBS_UP), ((), UP)])
def test_an_end_shifted_by_one_may_be_anatomy_where_ribs_agree_or_there_are_none(ribs, names):
    labels = spine(LUMBAR, ribs=ribs)
    array = renamed(labels, names)
    assert (mended(labels, array)[0] == array).all()


def test_a_bone_at_an_end_stays_if_its_ribs_agree_with_it_and_not_with_the_rest():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    names = {"vertebrae_T11": "vertebrae_T10", "rib_left_11": "rib_left_10"}
    array = renamed(labels, names | {"rib_right_11": "rib_right_10"})
    assert (mended(labels, array)[0] == array).all()
    array = renamed(labels, {"vertebrae_T11": "vertebrae_T10"})
    assert (mended(labels, array)[0] == labels.array).all()


def test_more_change_than_the_set_share_changes_nothing_and_the_share_is_told():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    names = {f"vertebrae_{b}": f"vertebrae_{a}" for a, b in pairwise(["T10", *LUMBAR[:3]])}
    array = renamed(labels, names)
    result, report = mended(labels, array)
    assert (result == array).all()
    assert not report["vertebrae"]["applied"]
    assert report["vertebrae"]["share"] == pytest.approx(3 / 7, abs=0.02)
    assert {c["from"]: c["to"] for c in report["vertebrae"]["changes"]} == {
        new: old for old, new in names.items()
    }


def test_two_bodies_without_a_disc_between_them_are_never_voted_into_one():
    labels = spine(LUMBAR)
    fused = labels.array.copy()
    first, last = (middle(labels, f"vertebrae_{name}") for name in ("L2", "L1"))
    between = fused[first:last]
    upper = fused[last][None] * (np.arange(first, last) >= (first + last) / 2)[:, None, None]
    lower = fused[first][None] * (np.arange(first, last) < (first + last) / 2)[:, None, None]
    between[:, :20] = np.where(between == 0, upper + lower, between)[:, :20]
    result, _ = mended(labels, fused)
    assert (result == fused).all()


def test_a_column_without_discs_has_no_bones_to_tell_apart_and_stays():
    labels = spine(LUMBAR, disc_mm=0.0)
    array = renamed(labels, {"vertebrae_L2": "vertebrae_L1"})
    assert (mended(labels, array)[0] == array).all()


def test_a_rib_gets_the_name_of_most_of_it():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    array = renamed(labels, {"rib_left_11": "rib_left_12"}, np.s_[:, :, 52:])
    assert (array != labels.array).any()
    assert (mended(labels, array)[0] == labels.array).all()


def test_two_ribs_of_one_name_are_numbered_by_where_they_meet_the_spine():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    for names in ({"rib_left_12": "rib_left_11"}, {"rib_left_11": "rib_left_12"}):
        result, report = mended(labels, renamed(labels, names))
        assert (result == labels.array).all()
        assert report["ribs"]["applied"] and report["ribs"]["changed_ml"] > 0


@pytest.mark.parametrize("broken", [False, True])
def test_ribs_that_touch_stay_two_ribs_also_if_more_of_one_lies_elsewhere(broken):
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    array = labels.array.copy()
    _, y, x = np.argwhere(array == label("rib_left_11"))[0]
    lower = np.nonzero(array == label("rib_left_12"))[2]
    if broken:
        gap = int(np.quantile(lower, 0.4))
        x = (lower.min() + gap) // 2
        array[:, :, gap][array[:, :, gap] == label("rib_left_12")] = 0
    column = np.flatnonzero(np.isin(array[:, y, x], RIBS["left"]))
    array[column.min() : column.max() + 1, y, x] = label("rib_left_11")
    array[column.min(), y, x] = label("rib_left_12")
    assert ndimage.label(np.isin(array, RIBS["left"]), np.ones((3, 3, 3)))[1] == 1 + broken
    assert (mended(labels, array)[0] == array).all()


def test_a_rib_broken_near_its_head_is_still_one_rib():
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    array = labels.array.copy()
    _, _, x = np.nonzero(array == label("rib_left_11"))
    cut = array[:, :, x.min() + 1]
    cut[cut == label("rib_left_11")] = 0
    assert (mended(labels, array)[0] == array).all()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_ribs_that_touch_end_to_end_stay_two_ribs(share):
    """As the field of view of an abdomen shows them in front; nothing else is called the lesser."""
    labels = spine(LUMBAR, ribs=LOW_RIBS)
    array = labels.array.copy()
    rib = np.argwhere(array == label("rib_left_12"))
    front = rib[rib[:, 2] >= np.quantile(rib[:, 2], share)]
    array[tuple(front.T)] = label("rib_left_9")
    assert (mended(labels, array)[0] == array).all()


@pytest.mark.parametrize("ribs", [("T10", "T11", "T12", "L1"), ("T10", "T11")])
def test_a_thirteenth_rib_called_the_twelfth_stays_so_and_eleven_are_enough(ribs):
    labels = spine(["T10", *LUMBAR], ribs=ribs)
    assert (mended(labels)[0] == labels.array).all()


def test_without_vertebrae_and_ribs_there_is_nothing_to_report():
    liver = Volume(np.full((4, 4, 4), label("liver"), np.uint8), (3.0, 3.0, 3.0))
    result, reports = consistent(liver, LARGEST)
    assert (result == liver.array).all() and reports == []


def test_ribs_without_any_vertebra_are_named_by_most_of_their_voxels():
    labels = spine(LUMBAR, missing=LUMBAR, ribs=LOW_RIBS)
    array = renamed(labels, {"rib_left_11": "rib_left_12"}, np.s_[:, :, 52:])
    result, report = mended(labels, array)
    assert (result == labels.array).all()
    assert list(report) == ["ribs"]
