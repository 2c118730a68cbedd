"""Dice of groups, and consistency as a fraction, against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from phantomloom.gan.metrics.consistency import consistency
from phantomloom.gan.metrics.estimate import (
    Estimate,
    jackknife_error,
    left_out_means,
    of_sample,
    over_groups,
)
from phantomloom.gan.metrics.overlap import Segmented, dice


def random_masks(count, classes=3, size=12, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(classes + 1, size=(count, size, size)).astype(np.uint8)


def spoilt(masks, share, seed=1):
    """``masks`` with a share of pixels set to the background."""
    lost = np.random.default_rng(seed).random(masks.shape) < share
    return np.where(lost, 0, masks).astype(np.uint8)


def test_dice_counts_all_slices_of_a_patient_together():
    masks, found = random_masks(6), spoilt(random_masks(6), 0.5)
    groups = ["b", "a", "b", "a", "c", "c"]
    table = dice(Segmented(found, masks, groups), 3)
    assert list(table.index) == ["a", "b", "c"] and list(table.columns) == [1, 2, 3]
    for group in "abc":
        rows = [i for i, other in enumerate(groups) if other == group]
        for number in (1, 2, 3):
            one, other = found[rows] == number, masks[rows] == number
            expected = 2 * (one & other).sum() / (one.sum() + other.sum())
            assert table.loc[group, number] == pytest.approx(expected)


def test_dice_of_a_class_that_a_patient_lacks_is_not_there():
    masks = np.array([[[1, 1]], [[2, 0]]], dtype=np.uint8)
    found = np.array([[[1, 2]], [[2, 0]]], dtype=np.uint8)
    table = dice(Segmented(found, masks, ["a", "b"]), 2)
    expected = pd.DataFrame({1: [2 / 3, np.nan], 2: [np.nan, 1.0]}, index=["a", "b"])
    pd.testing.assert_frame_equal(table, expected)


def test_the_real_images_in_place_of_generated_ones_are_consistent_to_1():
    masks = random_masks(8)
    segmented = Segmented(spoilt(masks, 0.3), masks, list("aabbccdd"))
    found = consistency(segmented, segmented, 3)
    assert found.mean == (1, 0, None)
    assert all(each == (1, 0, None) for each in found.classes.values())


def test_the_fraction_is_of_means_over_patients():
    masks = np.ones((2, 1, 10), np.uint8)
    generated, real = masks.copy(), masks.copy()
    generated[0, 0, 5:] = 0  # Dice 2/3
    real[1, 0, 8:] = 0  # Dice 16/18
    found = consistency(
        Segmented(generated, masks, ["a", "b"]), Segmented(real, masks, ["a", "b"]), 1
    )
    assert found.classes[1].value == pytest.approx((2 / 3 + 1) / (1 + 8 / 9))
    assert found.mean.value == found.classes[1].value
    assert found.real_dice == {1: pytest.approx(17 / 18)}
    without = np.array([1 / (8 / 9), 2 / 3])  # patient a left out, then b
    assert found.mean.error == pytest.approx(np.abs(np.diff(without))[0] / 2)


def test_the_mean_is_over_classes_that_occur_and_others_say_why_not():
    masks = random_masks(6, classes=2)
    found = masks.copy()
    found[found == 2] = 0  # never found, not even on real images
    segmented = Segmented(found, masks, list("aabbcc"))
    result = consistency(segmented, segmented, 3)
    assert result.mean.value == 1
    assert result.classes[2].value is None
    assert result.classes[2].reason == "the segmenter does not find it on real images: Dice 0.00"
    assert result.classes[3] == (None, None, "it is not in the masks of both sets")
    assert set(result.real_dice) == {1, 2}


def test_with_no_class_to_judge_there_is_a_reason():
    empty = np.zeros((2, 4, 4), np.uint8)
    segmented = Segmented(empty, empty, ["a", "b"])
    assert consistency(segmented, segmented, 2).mean.reason.startswith("no class is in the masks")


def test_one_patient_gives_no_error():
    masks = random_masks(4)
    segmented = Segmented(spoilt(masks, 0.2), masks, ["a"] * 4)
    assert consistency(segmented, segmented, 3).mean == (1, None, None)


def test_the_error_is_as_large_as_the_deviation_over_cohorts():
    """Cohorts of 12 patients whose slices are spoilt by a share of each patient's own."""
    values, errors = [], []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        masks = random_masks(24, seed=seed)
        shares = np.repeat(generator.uniform(0.1, 0.7, 12), 2)[:, None, None]
        found = np.where(generator.random(masks.shape) < shares, 0, masks)
        groups = [str(i // 2) for i in range(24)]
        made = Segmented(found, masks, groups)
        result = consistency(made, Segmented(spoilt(masks, 0.2, seed), masks, groups), 3)
        values.append(result.mean.value)
        errors.append(result.mean.error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.3)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).standard_normal(9)
    expected = values.std(ddof=1) / 3
    assert jackknife_error(left_out_means(values)) == pytest.approx(expected)
    assert of_sample(values) == pytest.approx(Estimate(values.mean(), expected, None))


def test_means_over_groups_weigh_patients_and_not_slices():
    found = over_groups(np.array([1.0, 1, 1, 5, np.nan]), ["a", "a", "a", "b", "c"])
    assert found == (3, 2, None)
    assert over_groups(np.array([np.nan]), ["a"]).reason == "there are no values"
