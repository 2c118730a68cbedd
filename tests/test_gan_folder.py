"""A folder of images and masks, and how both are brought to one size."""

import numpy as np
import pytest
from PIL import Image

from phantomloom.gan.data import folder, squares

SHARES = (0.5, 0.25, 0.25)
CLASSES = {"organ": 255, "lesion": 7}


def fill(root, names=("a_1", "a_2", "b_1", "c_1", "d_1"), size=16):
    for kind in ("images", "masks"):
        (root / kind).mkdir(exist_ok=True)
    for number, name in enumerate(names):
        random = np.random.default_rng(number)
        image = random.integers(0, 256, (size, size, 3)).astype(np.uint8)
        mask = random.choice(np.array([0, 7, 255], np.uint8), (size, size))
        Image.fromarray(image).save(root / f"images/{name}.bmp")
        Image.fromarray(mask).save(root / f"masks/{name}.png")
    return root


def test_values_of_a_mask_become_classes_in_their_order(tmp_path):
    about, pairs = folder.read(fill(tmp_path), 16, CLASSES, SHARES)
    assert about.class_names == ("organ", "lesion") and (about.low, about.high) == (0, 255)
    pairs = list(pairs)
    assert sorted(pair.name for pair in pairs) == ["a_1", "a_2", "b_1", "c_1", "d_1"]
    for pair in pairs:
        mask = np.asarray(Image.open(tmp_path / f"masks/{pair.name}.png"))
        image = np.asarray(Image.open(tmp_path / f"images/{pair.name}.bmp"))
        for value, number in ((0, 0), (255, 1), (7, 2)):
            assert (pair.mask[mask == value] == number).all()
        np.testing.assert_array_equal(pair.image, np.moveaxis(image, 2, 0))


def test_grey_images_have_one_channel(tmp_path):
    _, pairs = folder.read(fill(tmp_path), 8, CLASSES, SHARES, grey=True)
    assert next(pairs).image.shape == (1, 8, 8)


def test_a_group_found_in_the_names_stays_together(tmp_path):
    names = [f"patient{n // 5}_{n}" for n in range(40)]
    for seed in range(3):
        _, pairs = folder.read(
            fill(tmp_path, names), 8, CLASSES, SHARES, seed, group=r"(?P<group>\w+)_\d+"
        )
        part_of = {}
        for pair in pairs:
            assert pair.group == pair.name.split("_")[0]
            assert part_of.setdefault(pair.group, pair.part) == pair.part
        assert len(set(part_of.values())) == 3


def test_without_an_expression_each_picture_is_its_own_group(tmp_path):
    _, pairs = folder.read(fill(tmp_path), 8, CLASSES, SHARES)
    assert all(pair.group == pair.name for pair in pairs)


def test_an_expression_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no"):
        folder.read(fill(tmp_path), 8, CLASSES, SHARES, group=r"(\w)_")
    with pytest.raises(ValueError, match="finds nobody in the name 'a_1'"):
        folder.read(tmp_path, 8, CLASSES, SHARES, group=r"(?P<group>\d+)-")


def test_images_and_masks_that_do_not_pair_are_listed(tmp_path):
    fill(tmp_path)
    (tmp_path / "masks/a_1.png").rename(tmp_path / "masks/a1.png")
    with pytest.raises(ValueError, match="images without a mask: a_1; 1 masks without an image: a"):
        folder.read(tmp_path, 8, CLASSES, SHARES)


def test_images_and_masks_of_two_sizes_are_listed(tmp_path):
    fill(tmp_path)
    Image.new("L", (32, 32)).save(tmp_path / "masks/b_1.png")
    with pytest.raises(ValueError, match=r"1 images and masks differ.*: b_1 16 x 16 and 32 x 32"):
        folder.read(tmp_path, 8, CLASSES, SHARES)


def test_pictures_that_are_no_square_or_too_small_are_named_before_any_is_loaded(tmp_path):
    fill(tmp_path)
    with pytest.raises(ValueError, match=r"a_1\.bmp: 16 x 16 pixels; .*at least 32"):
        folder.read(tmp_path, 32, CLASSES, SHARES)
    Image.new("RGB", (24, 16)).save(tmp_path / "images/b_1.bmp")
    with pytest.raises(ValueError, match=r"b_1\.bmp: 24 x 16 pixels; pictures are squares"):
        folder.read(tmp_path, 8, CLASSES, SHARES)


def test_a_folder_without_the_layout_is_told_what_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"images: looked for images/NAME\.\* and masks"):
        folder.read(tmp_path, 8, CLASSES, SHARES)


def test_two_images_of_one_name_are_refused(tmp_path):
    fill(tmp_path)
    Image.new("RGB", (16, 16)).save(tmp_path / "images/a_1.png")
    with pytest.raises(ValueError, match="two files of one name, such as a_1"):
        folder.read(tmp_path, 8, CLASSES, SHARES)


def test_values_that_stand_for_no_class_are_listed(tmp_path):
    _, pairs = folder.read(fill(tmp_path), 8, {"organ": 255}, SHARES)
    with pytest.raises(ValueError, match=r"\.png: the mask has \[7\], which stand for no class"):
        list(pairs)
    for wrong in ({"organ": 0}, {"organ": 5, "lesion": 5}, {"organ": 256}):
        with pytest.raises(ValueError, match="mask values are 1 to 255, each of one class"):
            folder.read(tmp_path, 8, wrong, SHARES)
    with pytest.raises(ValueError, match="1 to 254 classes, not 0"):
        folder.read(tmp_path, 8, {}, SHARES)


def test_a_pixel_takes_the_class_that_covers_most_of_it():
    """By counting, where each pixel covers 4 x 4; the background needs more than half."""
    classes = np.random.default_rng(0).integers(0, 4, (32, 32)).astype(np.uint8)
    found = squares.shrunk(classes, 8)
    for y in range(8):
        for x in range(8):
            counts = np.bincount(classes[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].ravel(), None, 4)
            expected = 0 if counts[0] > 8 else 1 + counts[1:].argmax()
            assert found[y, x] == expected
    np.testing.assert_array_equal(squares.shrunk(classes, 32), classes)


def test_a_picture_is_averaged_by_area(tmp_path):
    levels = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "grey.png")
    small = squares.picture(tmp_path / "grey.png", 8, grey=True)
    expected = levels.reshape(8, 4, 8, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(small[0], expected, atol=1.01)  # rounded once an axis


def test_masks_of_any_one_channel_are_read(tmp_path):
    truth = np.zeros((16, 16), np.uint8)
    truth[3:9, 4:12] = 255
    grey = Image.fromarray(truth)
    grey.save(tmp_path / "grey.png")
    grey.convert("1").save(tmp_path / "bits.png")
    grey.convert("RGB").save(tmp_path / "alike.png")
    for name in ("grey", "bits", "alike"):
        np.testing.assert_array_equal(squares.values(tmp_path / f"{name}.png"), truth)
    places = Image.fromarray((truth // 255 * 3).astype(np.uint8)).convert("P")
    places.putdata((truth // 255 * 3).ravel().tolist())
    places.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(squares.values(tmp_path / "palette.png"), truth // 85)


def test_masks_in_colour_and_pictures_of_16_bits_are_refused(tmp_path):
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "colour.png")
    with pytest.raises(ValueError, match=r"colour\.png: a mask has one channel.*this one is RGB"):
        squares.values(tmp_path / "colour.png")
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png: a mask has one channel"):
        squares.values(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png: pictures have 8 bits a channel"):
        squares.picture(tmp_path / "deep.png", 8, grey=True)
