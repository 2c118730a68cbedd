import numpy as np
import pytest
from scipy.stats import binom, chisquare, kstest

from phantomloom.privacy.randomness import normals, uniforms
from phantomloom.privacy.sampling import poisson, rows_of_units, virtual_batches


@pytest.mark.parametrize("seed", [7, None])
def test_batch_sizes_are_binomial(seed):
    """Bins of about a tenth each; a wrong sampler (fixed size, say) gives p of 0."""
    units, rate, draws = 200, 0.1, 2000
    sizes = [len(poisson(units, rate, seed, step)) for step in range(draws)]
    edges = np.unique(binom.ppf(np.linspace(0.1, 0.9, 9), units, rate))
    expected = np.diff([0, *binom.cdf(edges, units, rate), 1]) * draws
    observed = np.bincount(np.searchsorted(edges, sizes), minlength=len(expected))
    assert chisquare(observed, expected).pvalue > 1e-4


def test_units_are_drawn_each_by_itself():
    drawn = np.zeros((4000, 5))
    for step in range(len(drawn)):
        drawn[step, poisson(5, 0.3, 1, step)] = 1
    assert np.abs(drawn.mean(0) - 0.3).max() < 0.035
    assert np.abs(np.corrcoef(drawn.T) - np.eye(5)).max() < 0.06


def test_full_batches_hold_every_unit():
    assert len(poisson(1000, 1, None, 0)) == 1000


def test_a_seed_repeats_and_the_operating_system_does_not():
    assert np.array_equal(poisson(500, 0.5, 3, 1), poisson(500, 0.5, 3, 1))
    assert not np.array_equal(poisson(500, 0.5, 3, 1), poisson(500, 0.5, 3, 2))
    assert not np.array_equal(poisson(500, 0.5, None, 1), poisson(500, 0.5, None, 1))
    assert not np.array_equal(uniforms(9, 1, 0, 1), uniforms(9, 1, 1, 1))


def test_numbers_of_the_operating_system_have_their_distributions():
    assert kstest(uniforms(20_000, None), "uniform").pvalue > 1e-4
    assert kstest(normals(20_000, None), "norm").pvalue > 1e-4


def test_a_unit_has_all_its_rows():
    units = rows_of_units(["ann", "ben", "ann", "cem", "ann"])
    assert [each.tolist() for each in units] == [[0, 2, 4], [1], [3]]


@pytest.mark.parametrize("largest", [1, 2, 3, 100])
def test_virtual_batches_hold_every_row_once_with_its_unit(largest):
    units = [np.array([5, 6, 7]), np.array([1]), np.array([2, 3, 4, 8]), np.array([9])]
    rows, unit, carried = [], [], 0
    for batch in virtual_batches(units, largest):
        assert 0 < len(batch.rows) <= largest
        rows += batch.rows.tolist()
        unit += (batch.unit + carried).tolist()
        carried += batch.unit[-1] + (not batch.goes_on)
    assert rows == np.concatenate(units).tolist()
    assert unit == np.repeat(np.arange(4), [3, 1, 4, 1]).tolist()


def test_an_empty_batch_has_no_parts():
    assert list(virtual_batches([], 4)) == []
