"""Nearest neighbours: copies are found, fresh draws are not accused."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from phantomloom.gan.metrics.memorisation import equal_pools, memorisation


def people(count, slices=5, size=32, seed=0):
    """Images of ``count`` patients, each a picture of its own with small changes."""
    generator = np.random.default_rng(seed)
    own = generator.standard_normal((count, 1, 1, size, size))
    changes = 0.3 * generator.standard_normal((count, slices, 1, size, size))
    images = gaussian_filter(own + changes, 3, axes=(-2, -1)).reshape(-1, 1, size, size)
    return torch.from_numpy(images.astype(np.float32)), [
        f"{seed}-{i // slices}" for i in range(count * slices)
    ]


def test_copies_with_noise_are_found():
    train, train_groups = people(20)
    held_out, groups = people(20, seed=1)
    draw = torch.Generator().manual_seed(0)
    samples = train + 0.01 * torch.randn(train.shape, generator=draw)
    (found,) = memorisation([samples], train, held_out, train_groups, groups)
    assert found.ratio < 0.2
    assert found.copies == 1
    assert found.pool == 100


def test_fresh_draws_are_as_near_to_both():
    train, train_groups = people(30)
    held_out, groups = people(30, seed=1)
    fresh, _ = people(30, seed=2)
    (found,) = memorisation([fresh], train, held_out, train_groups, groups)
    assert found.ratio == pytest.approx(1, abs=0.05)
    assert found.copies < 0.1


def test_a_larger_training_set_alone_is_no_memorisation():
    train, train_groups = people(120)
    held_out, groups = people(15, seed=1)
    fresh, _ = people(30, seed=2)
    (found,) = memorisation([fresh], train, held_out, train_groups, groups)
    assert found.pool == 75
    assert found.ratio == pytest.approx(1, abs=0.1)


def test_a_few_copies_of_a_large_training_set_are_found_where_the_pool_misses_them():
    train, train_groups = people(120)
    held_out, groups = people(15, seed=1)
    fresh, _ = people(30, seed=2)
    mixed = torch.cat([fresh[:90], train[::10]])  # 60 copies in 150 samples
    (found,) = memorisation([mixed], train, held_out, train_groups, groups)
    assert found.copies == pytest.approx(0.4, abs=0.05)
    assert found.ratio > 0.8


def test_distances_are_those_of_a_loop_over_averaged_images():
    train, train_groups = people(3, size=64)
    held_out, groups = people(3, size=64, seed=1)
    samples, _ = people(2, size=64, seed=2)

    def small(images):
        return images.numpy().reshape(-1, 32, 2, 32, 2).mean((2, 4))

    def nearest(pool):
        return [min(np.linalg.norm(s - p) for p in small(pool)) for s in small(samples)]

    expected = np.median(nearest(train)) / np.median(nearest(held_out))
    (found,) = memorisation([samples], train, held_out, train_groups, groups)
    assert found.ratio == pytest.approx(expected, rel=1e-4)


def test_pools_have_as_many_patients_and_as_many_images():
    first = [f"a{i % 9}" for i in range(90)]
    second = [f"b{i % 4}" for i in range(20)]
    rows, other_rows = equal_pools(first, second, seed=1)
    assert len(rows) == len(other_rows) == 20
    assert len({first[i] for i in rows}) <= 4
    assert sorted(other_rows) == list(range(20))
    assert len(set(rows)) == 20
    assert not np.array_equal(rows, equal_pools(first, second, seed=2)[0])
