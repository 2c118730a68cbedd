"""Generated images beside real ones: as good as these they do no harm, bad ones do."""

import numpy as np
import pytest
from test_gan_judgement import Painter, pairs

from phantomloom.gan import sampling, teaching
from phantomloom.gan.sampling import Sampler
from phantomloom.gan.segmenter import Recipe

RECIPE = Recipe(steps=60, seed=1, features=(8, 16))


def test_each_mask_has_a_generated_image_after_the_real_ones(tmp_path):
    train = pairs(2, 1, "train")
    both = sampling.beside(train, Sampler(Painter(), 2, 16), seed=3, folder=tmp_path)
    count = len(train.names)
    assert np.array_equal(both.images[:count], train.images) and both.images.dtype == np.int16
    assert np.array_equal(both.masks[count:], train.masks) and both.groups[count:] == train.groups
    assert len(set(both.names)) == 2 * count
    assert all(isinstance(its.base, np.memmap) for its in (both.images, both.masks))
    made = both.images[count:, 0].astype(float)
    for number, hu in ((0, -960), (1, -200), (2, 600)):  # a level a class; noise below -1000 is cut
        assert abs(made[train.masks == number].mean() - hu) < 25


def test_who_ignores_masks_teaches_worse_than_who_paints_them(tmp_path):
    train, test = pairs(4, 1, "train"), pairs(4, 2, "test")
    gains = [
        teaching.teach(Sampler(painter, 2, 16), train, test, RECIPE, tmp_path)
        for painter in (Painter(), Painter(blind=True))
    ]
    fine, blind = gains
    assert fine.real == blind.real
    assert fine.gain.value == pytest.approx(fine.both.value - fine.real.value)
    assert abs(fine.gain.value) < 0.01
    assert blind.gain.value < fine.gain.value - 0.03
