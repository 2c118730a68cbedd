"""Splits of drawn data sets: nobody in two parts, shares, repeats, seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantomloom.privacy.reports import Dataset, Report
from phantomloom.privacy.splits import split


def dataset(patients, texts=None) -> Dataset:
    texts = texts or [f"report {n}" for n in range(len(patients))]
    pairs = enumerate(zip(patients, texts, strict=True))
    rows = [Report(str(n), str(patient), text, (0,)) for n, (patient, text) in pairs]
    return Dataset("drawn", ("a",), tuple(rows))


@given(st.lists(st.integers(0, 30), min_size=30, max_size=60), st.integers(0, 9))
def test_a_patient_is_in_one_part_and_a_report_in_exactly_one(patients, seed):
    patients = [*patients, *range(30)]
    parts = split(dataset(patients), seed)
    names = [{patients[n] for n in part} for part in parts]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]
    assert sorted(np.concatenate(parts)) == list(range(len(patients)))


def test_parts_have_their_shares_of_the_reports():
    patients = np.random.default_rng(0).integers(0, 400, 2000)
    sizes = [len(part) for part in split(dataset(patients), 1, (0.6, 0.1, 0.3))]
    assert np.allclose(sizes, [1200, 200, 600], atol=10)
    train, validation, test = split(dataset(patients), 1, (0.5, 0, 0.5))
    assert len(validation) == 0 and abs(len(train) - len(test)) < 20


def test_reports_with_one_text_stay_together_through_chains_of_patients():
    # a and b share a text, b and c another: all three belong together
    patients = ["a", "b", "b", "c", *map(str, range(60))]
    texts = ["Same.", "same. ", "Other", "other", *(f"text {n}" for n in range(60))]
    for seed in range(8):
        parts = split(dataset(patients, texts), seed, repeats_together=True)
        assert sum(bool(set(part) & {0, 1, 2, 3}) for part in parts) == 1
    apart = [split(dataset(patients, texts), seed) for seed in range(8)]
    assert any(len({0, 3} & set(parts.train)) == 1 for parts in apart)


def test_splits_of_two_seeds_are_independent():
    drawn = dataset(range(200))
    parts = [split(drawn, seed) for seed in range(5)]
    assert len({part.test.tobytes() for part in parts}) == 5
    # two random fifths share a fifth of each other
    shared = [len(np.intersect1d(a.test, b.test)) for a in parts for b in parts if a is not b]
    assert 4 < np.mean(shared) < 12


def test_wrong_shares_and_too_few_patients_are_named():
    with pytest.raises(ValueError, match="three numbers that add up to 1"):
        split(dataset(range(9)), 0, (0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match=r"drawn: too few patients \(2\)"):
        split(dataset([1, 1, 2]), 0)
