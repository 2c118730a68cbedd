"""The segmenter learns quickly, repeats by its seed, and is stored whole."""

import numpy as np
import pytest
import torch

from phantomloom.gan.metrics.consistency import consistency
from phantomloom.gan.metrics.overlap import Segmented
from phantomloom.gan.pairs import Pairs
from phantomloom.gan.segmenter import (
    Recipe,
    Segmenter,
    pixel_counts,
    row_chances,
    train,
)

RECIPE = Recipe(steps=60, seed=0, batch=8, features=(8, 16, 32))
SIZE = 32


def discs(count, seed=0):
    """A dark body with one bright and, in every fourth image, one grey disc; patients of four."""
    generator = np.random.default_rng(seed)
    rows, columns = np.indices((SIZE, SIZE))
    images, masks = np.full((count, SIZE, SIZE), 60.0), np.zeros((count, SIZE, SIZE), np.uint8)
    for i, (image, mask) in enumerate(zip(images, masks, strict=True)):
        for number, grey in ((1, 230), (2, 140))[: 2 if i % 4 == 0 else 1]:
            row, column = generator.uniform(7, SIZE - 7, 2)
            inside = (rows - row) ** 2 + (columns - column) ** 2 < 25
            image[inside], mask[inside] = grey, number
    images += generator.normal(0, 8, images.shape)
    names = tuple(f"p{i // 4}/{i}" for i in range(count))
    return Pairs(
        images=images.clip(0, 255).astype(np.uint8)[:, None],
        masks=masks,
        low=0,
        high=255,
        unit="grey",
        class_names=("bright", "grey"),
        names=names,
        groups=tuple(name.split("/")[0] for name in names),
        parts=("train",) * count,
        pixel_mm=None,
    )


@pytest.fixture(scope="module")
def trained():
    return train(discs(48), RECIPE)


def test_it_learns_discs_within_a_second(trained):
    table = trained.dice(discs(24, seed=1))
    assert list(table.index) == [f"p{i}" for i in range(6)]
    assert table.mean()[1] > 0.9
    assert table.mean()[2] > 0.8


def test_generated_images_are_judged_by_it(trained):
    """Real images are consistent to 1; with the bright disc painted over, that class is at 0."""
    pairs = discs(24, seed=2)
    painted = pairs.scaled(range(24))
    painted[torch.from_numpy(pairs.masks == 1)[:, None]] = painted.min()

    def seen(images):
        return Segmented(trained.labels(images), pairs.masks, pairs.groups)

    real = seen(pairs.scaled(range(24)))
    assert consistency(real, real, 2).mean == (1, 0, None)
    without = consistency(seen(painted), real, 2).classes
    assert without[1].value < 0.1
    assert without[2].value > 0.8


def test_equal_seeds_give_equal_segmenters_and_disturb_no_other_draws():
    short = RECIPE._replace(steps=3)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, other = train(discs(8), short), train(discs(8), short)
    assert torch.equal(torch.rand(3), expected)
    pairs = list(
        zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    )
    assert all(torch.equal(a, b) for a, b in pairs)
    changed = train(discs(8), short._replace(seed=1)).network.state_dict()
    assert not torch.equal(pairs[0][0], next(iter(changed.values())))


def test_what_is_written_is_read(trained, tmp_path):
    trained.write(tmp_path / "segmenter.safetensors")
    again = Segmenter.read(tmp_path / "segmenter.safetensors")
    assert again.shape == trained.shape == (1, 2, (8, 16, 32))
    images = discs(5, seed=3).scaled(range(5))
    assert np.array_equal(again.labels(images), trained.labels(images))


def test_rows_with_a_rare_class_are_drawn_more_often():
    pairs = discs(40)
    pixels = pixel_counts(pairs.masks, 2)
    assert pixels.sum() == 40 * SIZE**2
    assert np.array_equal(pixels[:, 2] > 0, np.arange(40) % 4 == 0)
    chances = row_chances(pixels)
    assert chances.sum() == pytest.approx(1)
    # Each of three classes has a third; two thirds go to all 40, one to the ten with grey.
    assert chances[0] == pytest.approx(2 / 3 / 40 + 1 / 3 / 10)
    assert chances[1] == pytest.approx(2 / 3 / 40)


def test_a_loss_that_is_no_number_stops_the_run():
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train(discs(8), RECIPE._replace(learning_rate=1e30, steps=9))


def test_it_works_on_the_smallest_images_with_several_channels():
    generator = np.random.default_rng(0)
    pairs = discs(4)._replace(
        images=generator.integers(256, size=(4, 3, 8, 8)).astype(np.uint8),
        masks=generator.integers(3, size=(4, 8, 8)).astype(np.uint8),
    )
    found = train(pairs, Recipe(steps=2, seed=0, batch=4))
    assert found.labels(pairs.scaled(range(4))).shape == (4, 8, 8)
    assert found.labels(pairs.scaled(range(4))).dtype == np.uint8
