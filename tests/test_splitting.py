"""Parts drawn for groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.splitting import drawn_parts


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=60), st.integers(0, 99))
def test_a_group_is_in_one_part_only(numbers, seed):
    groups = [f"patient{number}" for number in [*numbers, *range(31)]]
    parts = drawn_parts(groups, (0.6, 0.2, 0.2), seed, "made")
    part_of = {}
    for group, part in zip(groups, parts, strict=True):
        assert part_of.setdefault(group, part) == part


def test_parts_have_their_shares_and_follow_the_seed():
    groups = [str(number) for number in range(1000)]
    parts = drawn_parts(groups, (0.7, 0.1, 0.2), 3, "made")
    assert [np.sum(parts == part) for part in ("train", "validation", "test")] == [700, 100, 200]
    assert np.array_equal(parts, drawn_parts(groups, (0.7, 0.1, 0.2), 3, "made"))
    assert not np.array_equal(parts, drawn_parts(groups, (0.7, 0.1, 0.2), 4, "made"))
    assert set(drawn_parts(groups, (1, 0, 0), 0, "made").tolist()) == {"train"}


def test_shares_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="three numbers that add up to 1"):
        drawn_parts(["a"], (0.5, 0.2, 0.2), 0, "made")
    with pytest.raises(ValueError, match=r"made: too few patients \(2\) for a"):
        drawn_parts(["a", "b", "b"], (0.6, 0.2, 0.2), 0, "made")
