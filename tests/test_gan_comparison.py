"""Verdicts on made-up tables, computed by hand."""

import numpy as np
import pandas as pd
import pytest

from phantomloom.gan.comparison import sentence, summary, table, verdicts

VARIANTS = ("mask_embedding", "no_embedding", "modern")
BETTER = {"SWD": "lower", "mask consistency": "higher"}


def scores(**metrics):
    """A row for each value; metrics[name][variant] holds those of the seeds 0, 1, ..."""
    return pd.DataFrame(
        [
            {"variant": variant, "metric": metric, "seed": seed, "value": value}
            for metric, variants in metrics.items()
            for variant, values in variants.items()
            for seed, value in enumerate(values)
        ]
    )


SWD = {"mask_embedding": [39.0, 40.0, 41.0], "modern": [20.0, 21.0, 22.0]}


def test_a_clear_difference_is_a_win_for_the_better_one():
    """Each has a standard error of 1 / sqrt(3), so the difference has sqrt(2 / 3) = 0.816."""
    (found,) = verdicts(scores(SWD=SWD), {"SWD": "lower"}, ("mask_embedding", "modern"))
    assert found.difference == 19
    assert found.standard_error == pytest.approx((2 / 3) ** 0.5)
    assert found.winner == "modern"
    assert sentence(found) == (
        "modern has a lower SWD than mask_embedding, which is better: 21 against 40, "
        "difference 19, standard error 0.816."
    )


def test_where_higher_is_better_the_other_one_wins():
    (found,) = verdicts(scores(SWD=SWD), {"SWD": "higher"}, ("mask_embedding", "modern"))
    assert found.winner == "mask_embedding"
    assert sentence(found).startswith("mask_embedding has a higher SWD than modern, which is")


@pytest.mark.parametrize(("move", "winner"), [(1.6, None), (1.7, "b")])
def test_the_line_is_at_two_standard_errors(move, winner):
    """2 sqrt(2 / 3) = 1.633."""
    values = {"a": [1.0, 2.0, 3.0], "b": [1.0 + move, 2.0 + move, 3.0 + move]}
    (found,) = verdicts(scores(x=values), {"x": "higher"}, ("a", "b"))
    assert found.winner == winner


def test_no_difference_is_said_with_its_numbers():
    values = {"a": [0.8, 0.9, 1.0], "b": [0.85, 0.9, 0.95]}
    (found,) = verdicts(
        scores(**{"mask consistency": values}), {"mask consistency": "higher"}, "ab"
    )
    assert found.winner is None
    assert sentence(found) == (
        "a and b show no difference in mask consistency beyond 2 standard errors: 0.9 against "
        "0.9, difference 0, standard error 0.0645."
    )


def test_every_metric_and_every_two_variants_are_judged_in_order():
    made = scores(
        SWD=SWD | {"no_embedding": [39.0, 42.0, 40.0]},
        **{"mask consistency": {name: [0.5, 0.6] for name in VARIANTS}},
    )
    found = verdicts(made, BETTER, VARIANTS)
    pairs = [(v.metric, v.first, v.second) for v in found]
    assert pairs[:3] == [
        ("SWD", "mask_embedding", "no_embedding"),
        ("SWD", "mask_embedding", "modern"),
        ("SWD", "no_embedding", "modern"),
    ]
    assert [v.winner for v in found] == [None, "modern", "modern", None, None, None]
    shown = table(found)
    assert len(shown) == 6
    assert list(shown.sentence) == [sentence(verdict) for verdict in found]


def test_one_seed_judges_nothing():
    (found,) = verdicts(scores(SWD={"a": [1.0], "b": [9.0, 8.0]}), {"SWD": "lower"}, "ab")
    assert found.winner is None
    assert sentence(found) == (
        "a and b are not compared in SWD: 1 and 2 values: no standard error."
    )


def test_what_is_not_available_has_no_number():
    made = scores(FID={"a": [np.nan, np.nan], "b": [np.nan, np.nan]})
    (found,) = verdicts(made, {"FID": "lower"}, "ab")
    assert (found.first_mean, found.difference, found.winner) == (None, None, None)
    assert sentence(found) == "a and b are not compared in FID: not available."
    (absent,) = verdicts(made, {"KID": "lower"}, "ab")
    assert absent.winner is None and absent.reason == "not available"


def test_the_summary_has_means_and_standard_errors():
    made = scores(SWD=SWD, FID={"modern": [np.nan, 4.0]})
    found = summary(made).set_index(["metric", "variant"])
    row = found.loc[("SWD", "modern")]
    assert (row["mean"], row.repeats) == (21, 3)
    assert row.standard_error == pytest.approx(3**-0.5)
    assert found.loc[("FID", "modern"), "repeats"] == 1
    assert np.isnan(found.loc[("FID", "modern"), "standard_error"])


def test_tables_that_do_not_fit_are_named():
    made = scores(SWD=SWD)
    with pytest.raises(ValueError, match="scores lack the columns seed"):
        verdicts(made.drop(columns="seed"), BETTER, VARIANTS)
    with pytest.raises(ValueError, match=r"two values of one seed: .*'mask_embedding'"):
        verdicts(pd.concat([made, made[:1]]), BETTER, VARIANTS)
    with pytest.raises(ValueError, match=r"higher or lower is better, not \{'SWD': 'less'\}"):
        verdicts(made, {"SWD": "less"}, VARIANTS)
