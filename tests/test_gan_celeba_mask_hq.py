"""CelebA-HQ and CelebAMask-HQ in small: their layout, classes and split, by other means."""

import numpy as np
import pytest
from PIL import Image

from phantomloom.gan.data import celeba_mask_hq as celeba
from phantomloom.gan.pairs import read, write_each

IDS = (0, 1, 2, 5, 1999, 2000)
THIRDS = (2 / 3, 1 / 6, 1 / 6)


def box(name):
    """Where a part lies in a mask of 32 x 32: parts overlap, none is like another."""
    number = celeba.ALL.index(name)
    return slice(number, number + 12), slice(2 + number // 2, 14 + number // 2)


def parts_of(number):
    return ("skin", "nose", "hair", "l_ear") if number % 2 else ("skin", "u_lip", "neck")


@pytest.fixture
def root(tmp_path):
    """Six faces as JPEG of 64 x 64, with masks of 32 x 32."""
    images = tmp_path / "CelebA-HQ-img"
    images.mkdir()
    for number in IDS:
        colour = (40 + number % 7, 90, 200)
        Image.new("RGB", (64, 64), colour).save(images / f"{number}.jpg", quality=95)
        folder = tmp_path / f"CelebAMask-HQ-mask-anno/{number // 2000}"
        folder.mkdir(parents=True, exist_ok=True)
        for part in parts_of(number):
            mask = np.zeros((32, 32), np.uint8)
            mask[box(part)] = 255
            Image.fromarray(mask).save(folder / f"{number:05}_{part}.png")
    return tmp_path


def tell_split(root):
    """CelebA's own files, as given out: original numbers in another order, parts 0, 1, 2."""
    lines = [f"{i}\t{9 - n}\t{10 - n:06}.jpg" for n, i in enumerate(IDS)]
    (root / celeba.MAPPING).write_text("\n".join(["idx  orig_idx  orig_file", *lines, ""]))
    kinds = {10: 2, 9: 0, 8: 1, 7: 0, 6: 2, 5: 0, 4: 0}
    lines = [f"{original:06}.jpg {kind}" for original, kind in kinds.items()]
    (root / celeba.PARTITION).write_text("\n".join([*lines, ""]))


def by_name(pairs):
    return {pair.name: pair for pair in pairs}


def test_the_parts_of_a_face_become_one_mask_without_hair_and_ears(root):
    about, pairs = celeba.read(root, 32, shares=THIRDS)
    assert about == (0.0, 255.0, "grey", ("face",), None)
    found = by_name(pairs)
    assert found.keys() == {str(number) for number in IDS}
    for number in IDS:
        expected = np.zeros((32, 32), np.uint8)
        for part in ("skin", "nose", "u_lip"):
            if part in parts_of(number):
                expected[box(part)] = 1
        for part in ("l_ear", "hair", "neck"):
            if part in parts_of(number):
                expected[box(part)] = 0
        # an ear lies over the nose and below the hair, as in the list of the parts
        np.testing.assert_array_equal(found[str(number)].mask, expected)


def test_every_part_can_be_a_class_of_its_own(root):
    about, pairs = celeba.read(root, 32, "every_part", THIRDS)
    assert len(about.class_names) == 18 and about.class_names[0] == "skin"
    mask = by_name(pairs)["5"].mask
    for y in range(32):
        for x in range(32):
            top = 0
            for number, part in enumerate(celeba.ALL, 1):
                rows, columns = box(part)
                here = rows.start <= y < rows.stop and columns.start <= x < columns.stop
                top = number if part in parts_of(5) and here else top
            assert mask[y, x] == top


def test_pictures_come_in_rgb_at_the_size_of_the_masks(root):
    _, pairs = celeba.read(root, 16, shares=THIRDS)
    image = by_name(pairs)["5"].image
    assert image.shape == (3, 16, 16) and image.dtype == np.uint8
    np.testing.assert_allclose(image.mean(axis=(1, 2)), [45, 90, 200], atol=3)


def test_the_split_is_the_one_of_celeba(root):
    tell_split(root)
    _, pairs = celeba.read(root, 32)
    parts = [(pair.name, pair.part) for pair in pairs]
    originals = {"0": 10, "1": 9, "2": 8, "5": 7, "1999": 6, "2000": 5}
    kinds = {10: "test", 9: "train", 8: "validation", 7: "train", 6: "test", 5: "train"}
    assert dict(parts) == {name: kinds[number] for name, number in originals.items()}
    assert [part for _, part in parts] == ["train"] * 3 + ["validation"] + ["test"] * 2


def test_a_drawn_split_follows_the_seed(root):
    def parts(seed):
        return [(p.name, p.part) for p in celeba.read(root, 32, shares=THIRDS, seed=seed)[1]]

    assert parts(1) == parts(1)
    assert len({tuple(parts(seed)) for seed in range(5)}) > 1
    assert [part for _, part in parts(1)].count("train") == 4


def test_pictures_of_one_person_are_in_one_part(root, tmp_path):
    """Of the first and the last picture, by CelebA's own numbers of both."""
    parts = [{p.name: (p.group, p.part) for p in celeba.read(root, 32, shares=THIRDS)[1]}]
    assert all(group == name for name, (group, _) in parts[0].items())
    persons = {10: 77, 9: 3, 8: 4, 7: 5, 6: 6, 5: 77, 4: 8}
    told = [f"{original:06}.jpg {person}" for original, person in persons.items()]
    (root / "identity_CelebA.txt").write_text("\n".join([*told, ""]))
    with pytest.raises(FileNotFoundError, match=r"mapping\.txt: identity_CelebA\.txt tells who"):
        celeba.read(root, 32, shares=THIRDS)
    tell_split(root)
    for seed in range(5):
        pairs = celeba.read(root, 32, shares=(0.5, 0, 0.5), seed=seed)[1]
        found = {pair.name: (pair.group, pair.part) for pair in pairs}
        assert found["0"] == found["2000"] and found["0"][0] == "77"
        assert [found[str(i)][0] for i in (1, 2, 5, 1999)] == ["3", "4", "5", "6"]
    about, pairs = celeba.read(root, 32)  # in which that person is in two parts
    with pytest.raises(ValueError, match="0: '77' is in train and in test"):
        write_each(about, pairs, tmp_path / "set")
    (root / "identity_CelebA.txt").write_text("000010.jpg 77\n")
    with pytest.raises(ValueError, match=r"do not tell the person of 5 pictures, such as \[1, 2"):
        celeba.read(root, 32)


def test_masks_that_are_too_small_are_named(root):
    _, pairs = celeba.read(root, 64, shares=THIRDS)
    with pytest.raises(ValueError, match=r"\w\.png: 32 x 32 pixels; pictures are squares of at"):
        list(pairs)


def test_what_is_read_can_be_written(root, tmp_path):
    about, pairs = celeba.read(root, 32, shares=THIRDS)
    write_each(about, pairs, tmp_path / "set")
    found = read(tmp_path / "set")
    assert found.images.shape == (6, 3, 32, 32) and found.class_names == ("face",)


def test_a_split_without_its_files_says_which_one_is_lacking(root):
    with pytest.raises(FileNotFoundError, match=r"CelebA-HQ-to-CelebA-mapping\.txt.*give shares"):
        celeba.read(root, 32)
    tell_split(root)
    (root / celeba.PARTITION).write_text("000010.jpg 2\n")
    with pytest.raises(ValueError, match=r"do not tell the part of 5 pictures, such as \[1, 2"):
        celeba.read(root, 32)


def test_a_folder_that_holds_something_else_is_told_what_was_looked_for(tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(
        FileNotFoundError,
        match=r"looked for CelebA-HQ-img/0\.jpg.*official layout; found faces, readme\.txt",
    ):
        celeba.read(tmp_path, 32, shares=THIRDS)


def test_masks_that_lack_or_lie_elsewhere_are_told_what_was_looked_for(root):
    for path in (root / "CelebAMask-HQ-mask-anno/1").iterdir():
        path.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 pictures have no mask.*mask-anno/1/02000_PART\.png"
    ):
        celeba.read(root, 32, shares=THIRDS)
    stray = root / "CelebAMask-HQ-mask-anno/1/00005_skin.png"
    Image.new("L", (32, 32)).save(stray)
    with pytest.raises(FileNotFoundError, match=r"looked for .*mask-anno/0/00005_skin\.png"):
        celeba.read(root, 32, shares=THIRDS)
    stray.rename(root / "CelebAMask-HQ-mask-anno/0/00005_beard.png")
    with pytest.raises(FileNotFoundError, match=r"00005_beard\.png: no mask.*parts skin, nose"):
        celeba.read(root, 32, shares=THIRDS)


def test_masks_of_another_layout_are_told_what_was_looked_for(root):
    (root / "CelebAMask-HQ-mask-anno").rename(root / "masks")
    with pytest.raises(
        FileNotFoundError,
        match=r"looked for CelebAMask-HQ-mask-anno/0/00000_skin\.png.*found CelebA-HQ-img, masks",
    ):
        celeba.read(root, 32, shares=THIRDS)


def test_a_class_of_a_part_that_does_not_exist_is_named(root):
    with pytest.raises(ValueError, match="class 'face': the part 'beard' is none of"):
        celeba.read(root, 32, {"face": ["skin", "beard"]}, THIRDS)
    with pytest.raises(ValueError, match="classes: face: a list of names in brackets, not 'skin'"):
        celeba.read(root, 32, {"face": "skin"}, THIRDS)
    with pytest.raises(ValueError, match="class 'b': the part 'nose' is of another class too"):
        celeba.read(root, 32, {"a": ["nose"], "b": ["nose"]}, THIRDS)


def test_pictures_that_are_too_small_are_named(root):
    _, pairs = celeba.read(root, 128, shares=THIRDS)
    with pytest.raises(ValueError, match=r"\.jpg: 64 x 64 pixels; pictures are squares of at"):
        list(pairs)
