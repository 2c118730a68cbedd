"""Verdicts of a contest as rows: who leads, by how much, whether that is what it must show."""

import numpy as np
import pytest

from phantomloom.gan import evaluation
from phantomloom.gan.judgement import CONSISTENCY, DIVERSITY, MEMORISATION, REAL, SWD


def verdict(metric, better, first, second, means, error):
    its = {"metric": metric, "better": better, "first": first, "second": second}
    one, other = means
    its |= {"first_mean": one, "second_mean": other, "difference": one - other}
    return its | {"standard_error": error, "reason": None}


def judged(consistency=0.05, diversity=0.0):
    """Of consistency and diversity how far mask_embedding is above no_embedding; errors of 0.01."""
    pair = "mask_embedding", "no_embedding"
    verdicts = [
        verdict(CONSISTENCY, "higher", *pair, (0.8 + consistency, 0.8), 0.01),
        verdict(DIVERSITY, "higher", *pair, (0.1 + diversity, 0.1), 0.01),
        verdict(SWD, "lower", "mask_embedding", "modern", (30.0, 20.0), 2.0),
        verdict(SWD, "lower", "modern", "no_embedding", (20.0, 21.0), 2.0),
    ]
    means = [{"metric": SWD, "variant": "modern", "repeats": 3, "mean": 20.0, "standard_error": 1}]
    means.append(means[0] | {"metric": f"{CONSISTENCY}, liver"})
    means.append(means[0] | {"metric": MEMORISATION + REAL, "mean": 1.2})
    return {"judged_on": "people", "verdicts": verdicts, "means": means}


def rows_of(judged):
    return {row.figure: row for row in evaluation.of_contest("benchmark", judged)}


def test_a_lead_is_in_standard_errors_and_positive_for_who_is_better():
    rows = rows_of(judged())
    lead = rows[f"benchmark, people: modern over mask_embedding in {SWD}"]
    assert lead.value == pytest.approx(5) and not lead.falls_short
    lead = rows[f"benchmark, people: modern over no_embedding in {SWD}"]
    assert lead.value == pytest.approx(0.5) and lead.falls_short
    assert rows[f"benchmark, people, modern: {SWD}"].value == 20
    assert not any("liver" in figure for figure in rows)
    usual = rows[f"benchmark, people: {MEMORISATION}{REAL}"]
    assert (usual.value, usual.better) == (1.2, "higher")


@pytest.mark.parametrize(
    "consistency, diversity, won",
    [(0.05, 0.0, 1), (0.0, 0.05, 1), (0.05, -0.05, 0), (0.01, 0.01, 0), (0.05, -0.01, 1)],
)
def test_the_embedding_must_win_one_and_lose_neither(consistency, diversity, won):
    rows = rows_of(judged(consistency, diversity))
    (row,) = [row for figure, row in rows.items() if "loses neither" in figure]
    assert row.value == won and row.falls_short == (not won)


def test_what_one_seed_cannot_show_falls_short_and_says_why():
    one = judged()
    for its in one["verdicts"]:
        its |= {"standard_error": None, "reason": "1 and 1 values: no standard error"}
    mean, _, *leads = rows_of(one).values()
    assert mean.figure == f"benchmark, people, modern: {SWD}" and len(leads) == 5
    assert [row.value for row in leads] == [0] * 5
    assert [row.against for row in leads[:4]] == ["1 and 1 values: no standard error"] * 4
    assert [row.falls_short for row in leads] == [True, True, False, False, True]


@pytest.mark.parametrize(
    "gains, told",
    [((0.01, 0.03, 0.02), "help"), ((-0.03, 0.03), "no sure"), ((-0.01, -0.012), "harm")],
)
def test_generated_images_help_or_harm_by_two_standard_errors_over_seeds(gains, told):
    runs = [
        {"real": {"value": 0.7}, "both": {"value": 0.7 + gain}, "gain": {"value": gain}}
        for gain in gains
    ]
    *_, mean, lead = evaluation.of_teaching("modern", runs)
    assert mean.value == pytest.approx(np.mean(gains))
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    assert lead.value == pytest.approx(np.mean(gains) / error) and told in lead.against
