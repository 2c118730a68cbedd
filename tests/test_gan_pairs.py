"""Data sets of pairs: scaling, parts, and their files."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.gan import pairs as pairs_module
from phantomloom.gan.pair import About, Pair
from phantomloom.gan.pairs import (
    Pairs,
    one_hot,
    read,
    read_sides,
    unscaled,
    write,
    write_each,
)

ABOUT = About(-160.0, 240.0, "HU", ("body", "liver"), 6.5)
PARTS = ("train", "train", "train", "validation", "test", "test")
GROUPS = ("ann", "ann", "ben", "cid", "dee", "dee")


def pair(number, **changed):
    random = np.random.default_rng(number)
    image = random.integers(-160, 241, (1, 16, 16)).astype(np.int16)
    mask = random.integers(0, 3, (16, 16)).astype(np.uint8)
    made = Pair(image, mask, f"{GROUPS[number]}/z{number}", GROUPS[number], PARTS[number])
    return made._replace(**changed)


def data_set():
    images, masks, names, groups, parts = zip(*map(pair, range(6)), strict=True)
    return Pairs(np.stack(images), np.stack(masks), *ABOUT[:4], names, groups, parts, 6.5)


def test_what_is_read_equals_what_was_written_and_is_memory_mapped(tmp_path):
    written = data_set()
    write(written, tmp_path / "set")
    found = read(tmp_path / "set")
    assert isinstance(found.images, np.memmap) and isinstance(found.masks, np.memmap)
    assert found.images.dtype == np.int16 and found.masks.dtype == np.uint8
    np.testing.assert_array_equal(found.images, written.images)
    np.testing.assert_array_equal(found.masks, written.masks)
    assert found[2:] == written[2:]


def test_every_pixel_enters_the_digest(tmp_path, monkeypatch):
    monkeypatch.setattr("phantomloom.gan.pairs.AT_ONCE", 4)  # of 6
    found = data_set()
    write(found, tmp_path / "set")
    seen = [read(tmp_path / "set").digest(), found.digest()]
    assert seen[0] == seen[1]
    for array in (found.images, found.masks):
        array[5, ..., 3, 4] += 1
        seen.append(found.digest())
    assert len(set(seen)) == 3


def test_whoever_was_learnt_from_judges_nothing_nor_does_another_window(tmp_path):
    """Across data sets too: what one calls a patient of training another may call one of test."""
    others = tuple({"dee": "eve"}.get(group, group) for group in GROUPS)
    larger = np.zeros((6, 1, 32, 32), np.int16)
    write(data_set(), tmp_path / "set")
    write(data_set()._replace(groups=others), tmp_path / "other")
    learnt, tried = read_sides(tmp_path / "set", tmp_path / "other", "gan")
    assert set(learnt.groups) == {"ann", "ben"} and set(tried.groups) == {"eve"}
    for changed, words in (
        ({"groups": ("x", "x", "ben2", "cid", "ann", "ann")}, "gan: ann of wrong was learnt from"),
        ({"low": -200.0}, "gan: wrong has the low -200.0; that learnt is -160.0"),
        ({"class_names": ("body", "lung")}, "class_names"),
        ({"images": larger, "masks": larger[:, 0].astype(np.uint8)}, "shape of an image"),
    ):
        write(data_set()._replace(**changed), tmp_path / "wrong")
        with pytest.raises(ValueError, match=words):
            read_sides(tmp_path / "set", tmp_path / "wrong", "gan")


def test_pictures_that_were_learnt_judge_nothing_even_of_files_that_share_names(tmp_path):
    """Parts of one folder by two draws; equal names alone are other people's pictures."""
    grey = data_set()._replace(unit="grey")
    write(grey, tmp_path / "set")
    order = [4, 5, 2, 3, 0, 1]
    other = grey._replace(
        images=grey.images[order],
        masks=grey.masks[order],
        names=tuple(grey.names[row] for row in order),
        groups=tuple("uvwxyz"),
        parts=("train", "train", "train", "validation", "test", "test"),
    )
    write(other, tmp_path / "drawn")
    with pytest.raises(ValueError, match="gan: 2 images of drawn were learnt from, such as ann/z0"):
        read_sides(tmp_path / "set", tmp_path / "drawn", "gan")


def test_a_side_without_its_part_is_named_with_the_key(tmp_path):
    write(data_set(), tmp_path / "set")
    write(data_set().of("train"), tmp_path / "learnt")
    words = r"gan.x: learnt: no pairs of part 'test'; there are \['train'\]"
    with pytest.raises(ValueError, match=words):
        read_sides(tmp_path / "set", tmp_path / "learnt", "gan.x")
    write(data_set().of("test"), tmp_path / "tried")
    with pytest.raises(ValueError, match=r"gan.x: tried: no pairs of part 'train'"):
        read_sides(tmp_path / "tried", tmp_path / "set", "gan.x")


def test_an_image_that_was_learnt_judges_nothing_under_another_name_unless_it_is_plain(tmp_path):
    learnt, tried = data_set()._replace(names=tuple("abcdef"), groups=tuple("uvwxyz")), data_set()
    learnt.images[:3] += 1
    learnt.images[0] = tried.images[5] = 7
    for pairs, folder in ((learnt, "learnt"), (tried, "tried")):
        write(pairs, tmp_path / folder)
    read_sides(tmp_path / "learnt", tmp_path / "tried", "gan")
    learnt.images[1] = tried.images[4]
    write(learnt.of("train"), tmp_path / "learnt")
    with pytest.raises(ValueError, match="gan: 1 images of tried were learnt from, such as dee/z4"):
        read_sides(tmp_path / "learnt", tmp_path / "tried", "gan")


def test_the_files_are_plain_numpy_whatever_the_count(tmp_path):
    """The headers are written before the count is known."""
    for count in (1, 6):
        write_each(ABOUT, map(pair, range(count)), tmp_path / "set")
        images = np.load(tmp_path / "set/images.npy", allow_pickle=False)
        np.testing.assert_array_equal(images, [pair(n).image for n in range(count)])
    assert json.loads((tmp_path / "set/about.json").read_text())["unit"] == "HU"


def test_pairs_are_written_one_at_a_time(tmp_path):
    @dataclass
    class Counted:
        alive: int = 0
        most: int = 0

    counted = Counted()

    class Image(np.ndarray):
        def __del__(self):
            counted.alive -= 1

    def one(number):
        made = pair(number % 3, name=f"{GROUPS[number % 3]}/z{number}")
        image = made.image.view(Image)
        counted.alive += 1
        counted.most = max(counted.most, counted.alive)
        return made._replace(image=image)

    write_each(ABOUT, (one(n) for n in range(50)), tmp_path / "set")
    assert counted.most < 5  # the first is kept to compare with
    assert len(read(tmp_path / "set").names) == 50


def test_a_run_that_fails_leaves_the_former_data_set_and_nothing_else(tmp_path):
    def failing():
        yield pair(0)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        write_each(ABOUT, failing(), tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"no finished data set; it lacks about\.json"):
        read(tmp_path / "set")
    write(data_set(), tmp_path / "set")
    with pytest.raises(OSError, match="went away"):
        write_each(ABOUT, failing(), tmp_path / "set")
    assert len(read(tmp_path / "set").names) == 6


def test_a_run_killed_between_two_files_leaves_no_data_set(tmp_path, monkeypatch):
    """Files of two data sets would pass for one."""
    write(data_set(), tmp_path / "set")
    moved = []

    def replace(self, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target.name)
        return keep(self, target)

    keep = pairs_module.Path.replace
    monkeypatch.setattr(pairs_module.Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_each(ABOUT, [pair(0)], tmp_path / "set")
    assert moved == ["images.npy"]
    with pytest.raises(FileNotFoundError, match="no finished data set"):
        read(tmp_path / "set")


def test_a_part_of_a_read_data_set_is_memory_mapped_still(tmp_path):
    write(data_set(), tmp_path / "set")
    part = read(tmp_path / "set").of("test")
    assert isinstance(part.images, np.memmap) and np.shares_memory(part.images, part.images.base)
    np.testing.assert_array_equal(part.images, data_set().images[4:])
    assert part.names == ("dee/z4", "dee/z5") and part.parts == ("test", "test")


def test_a_part_of_scattered_rows_keeps_images_masks_and_names_together():
    order = [5, 0, 3, 4, 1, 2]
    whole = data_set()
    told = [tuple(field[i] for i in order) for field in whole[6:9]]
    mixed = whole._replace(
        images=whole.images[order],
        masks=whole.masks[order],
        **dict(zip(("names", "groups", "parts"), told, strict=True)),
    )
    part = mixed.of("train")
    for image, mask, name in zip(part.images, part.masks, part.names, strict=True):
        number = int(name.split("z")[1])
        np.testing.assert_array_equal(image, pair(number).image)
        np.testing.assert_array_equal(mask, pair(number).mask)
    assert sorted(part.names) == ["ann/z0", "ann/z1", "ben/z2"]


def test_a_part_without_pairs_is_named():
    only = data_set()._replace(parts=("train",) * 6)
    with pytest.raises(ValueError, match=r"no pairs of part 'test'; there are \['train'\]"):
        only.of("test")


@settings(max_examples=50, deadline=None)
@given(st.floats(-2000, 2000), st.floats(1, 4000), st.lists(st.integers(-3000, 3000), min_size=4))
def test_scaled_values_are_the_line_through_the_ends_and_come_back(low, width, values):
    high = low + width
    images = np.array(values[:4], np.int16).reshape(1, 1, 2, 2)
    pairs = data_set()._replace(images=images, low=low, high=high)
    scaled = pairs.scaled([0])
    assert scaled.dtype == torch.float32 and scaled.shape == (1, 1, 2, 2)
    for value, result in zip(values, scaled.flatten().tolist(), strict=False):
        inside = min(max(value, low), high)
        assert result == pytest.approx(-1 + 2 * (inside - low) / (high - low), abs=1e-3)
    back = unscaled(scaled, low, high)
    assert np.abs(back - np.clip(images, low, high)).max() <= 0.5 + 2e-3


def test_every_grey_and_every_hu_of_the_window_comes_back_exactly():
    greys = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    pairs = data_set()._replace(images=greys, low=0.0, high=255.0)
    back = unscaled(pairs.scaled([0]), 0, 255, np.uint8)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, greys)
    window = np.arange(-160, 240, dtype=np.int16).reshape(1, 1, 20, 20)
    scaled = data_set()._replace(images=window).scaled([0])
    np.testing.assert_array_equal(unscaled(scaled, -160, 240), window)


def test_images_beyond_the_ends_are_cut_off():
    np.testing.assert_array_equal(unscaled(torch.tensor([-1.5, 1.5]), -160, 240), [-160, 240])


def test_one_hot_has_a_channel_a_class_and_none_for_the_background():
    pairs = data_set()
    hot = pairs.one_hot(np.array([4, 1]))
    assert hot.shape == (2, 2, 16, 16) and hot.dtype == torch.float32
    for place, row in enumerate((4, 1)):
        for y in range(16):
            for x in range(16):
                number = pairs.masks[row, y, x]
                expected = [float(number == 1), float(number == 2)]
                assert hot[place, :, y, x].tolist() == expected
    assert torch.equal(one_hot(pairs.masks[[4, 1]], 2), hot)


@pytest.mark.parametrize(
    ("numbers", "changed", "words"),
    [
        ((0, 0), {}, "ann/z0: two pairs have this name"),
        ((0, 1), {"part": "test"}, "ann/z1: 'ann' is in train and in test"),
        ((0, 1), {"part": "tset"}, "parts are train, validation, test, not 'tset'"),
        ((4, 0), {}, "ann/z0: a pair of train after pairs of test; sort them"),
        ((0, 4), {"image": pair(0).image}, "dee/z4 of test is the same image as ann/z0 of train"),
        ((0, 1), {"mask": np.full((16, 16), 3, np.uint8)}, "the mask has class 3, the data set 2"),
        ((0, 1), {"mask": np.zeros((16, 16), int)}, "masks uint8, not int16 and int64"),
        ((0, 1), {"image": np.zeros((1, 16, 16), np.float32)}, "uint8 or int16"),
        ((0, 1), {"image": np.zeros((3, 16, 16), np.int16)}, r"int16 \(3, 16, 16\), but ann/z0"),
        ((0, 1), {"mask": np.zeros((16, 4), np.uint8)}, "squares of one size"),
        ((0, 1), {"image": np.zeros((16, 16), np.int16)}, "squares of one size"),
        (
            (0,),
            {"image": np.zeros((1, 12, 12), np.int16), "mask": np.zeros((12, 12), np.uint8)},
            r"12 pixels; size is one of \(16, 32",
        ),
        (
            (0,),
            {
                "image": np.zeros((1, 1024, 1024), np.int16),
                "mask": np.zeros((1024, 1024), np.uint8),
            },
            r"ann/z0: 1024 pixels; size is one of \(16, 32, 64, 128, 256, 512\)",
        ),
        ((), {}, "not one pair"),
    ],
)
def test_what_is_no_data_set_is_refused_by_name(tmp_path, numbers, changed, words):
    made = [pair(number) for number in numbers]
    if changed:
        made[-1] = made[-1]._replace(**changed)
    with pytest.raises(ValueError, match=words):
        write_each(ABOUT, made, tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []
