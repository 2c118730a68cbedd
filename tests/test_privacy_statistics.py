"""Statistics against scikit-learn on resampled rows, scipy, published examples and arithmetic."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ttest_rel
from sklearn.metrics import f1_score

from phantomloom.io import artefact
from phantomloom.privacy import bootstrap, differences, levels, significance
from phantomloom.privacy.bootstrap import Run
from phantomloom.privacy.conclusion import conclusion
from phantomloom.privacy.differences import Reached
from phantomloom.privacy.metrics import scores
from phantomloom.privacy.reports import Targets
from phantomloom.privacy.statistics import compare

SKILLS = {"lora": 0.97, "10": 0.96, "public": 0.8, "0.01": 0.8, "1": 0.9, "0.1": 0.85}
BASELINES = {"rules": 0.9, "bag_of_words": 0.96}
GIVEN = (0.3, "report", 1e-4)  # test_to_train, unit, delta


def runs(skills, seeds, reports=300, patients=150):
    """Decisions on three labels that are right so often, on the same reports for all names."""
    made = {name: {} for name in skills}
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        people = random.integers(patients, size=reports).astype(str)
        truth = random.random((reports, 3)) < [0.5, 0.3, 0.1]
        targets = Targets(truth.astype(np.float32), np.ones_like(truth))
        luck = random.random((reports, 3))
        for name, skill in skills.items():
            right = np.where(random.random((reports, 3)) < 0.8, luck, luck[::-1]) < skill
            made[name][seed] = Run(targets, np.where(right == truth, 0.9, 0.1), people)
    return made


def compared(skills, seeds, baselines=BASELINES):
    made = runs(skills | baselines, seeds)
    others = {name: made.pop(name) for name in baselines}
    return compare("made up", "tiny", made, others, 2 / 7, "patient", 1e-4, number=300)


@pytest.fixture(scope="module")
def three():
    return compared(SKILLS, 3)


def level(found, name):
    return next(row for row in found["levels"] if row["level"] == name)


# The bootstrap


def test_draws_are_scikit_learns_f1_of_the_resampled_rows():
    made = runs({"one": 0.9, "other": 0.7}, seeds=2, reports=30, patients=12)
    drawn = bootstrap.draws(made, 10, np.random.default_rng(7))
    random = np.random.default_rng(7)
    taken = random.integers(2, size=(10, 2))
    expected = np.zeros((10, 2, 2))
    for seed in range(2):
        names, patients = np.unique(made["one"][seed].patients, return_inverse=True)
        rows = np.argwhere(taken == seed)
        times = random.multinomial(len(names), [1 / len(names)] * len(names), size=len(rows))
        for (draw, slot), time in zip(rows, times, strict=True):
            again = np.repeat(np.arange(30), time[patients])
            for column, its in enumerate(made.values()):
                truth, said = its[seed].truth.values[again], its[seed].probabilities[again] >= 0.5
                expected[draw, slot, column] = f1_score(truth, said, average="weighted")
    assert drawn == pytest.approx(expected.mean(1))
    assert len(np.unique(drawn)) > 10


def test_seeds_are_drawn_with_replacement():
    truth = Targets(np.ones((4, 1), np.float32), np.ones((4, 1), bool))
    right, wrong = (Run(truth, np.full((4, 1), p), list("abcd")) for p in (1.0, 0.0))
    drawn = bootstrap.draws({"one": {0: right, 1: wrong}}, 4000, np.random.default_rng(1))
    values, times = np.unique(drawn, return_counts=True)
    assert values.tolist() == [0, 0.5, 1]
    assert times / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_reports_of_a_patient_stay_together():
    truth = Targets(np.ones((6, 1), np.float32), np.ones((6, 1), bool))
    run = Run(truth, np.array([[1], [1], [1], [0], [0], [0]]), list("aaabbb"))
    drawn = bootstrap.draws({"one": {0: run}}, 200, np.random.default_rng(1))
    assert np.unique(drawn) == pytest.approx([0, 2 / 3, 1])  # none, one, both of patient a


def test_what_is_not_known_counts_nowhere():
    run = runs({"one": 0.8}, seeds=1)["one"][0]
    known = run.truth.known.copy()
    known[::3, 1] = False
    hidden = run._replace(truth=Targets(run.truth.values, known))
    expected = scores(hidden.truth, run.probabilities, ("a", "b", "c"))["weighted_f1"]
    counts = bootstrap.patient_counts([hidden]).sum(0)
    assert bootstrap.weighted_f1(counts) == pytest.approx(expected)
    turned = np.where(known, run.truth.values, 1 - run.truth.values)
    drawn = [
        bootstrap.draws(
            {"one": {0: run._replace(truth=Targets(values, known))}}, 20, np.random.default_rng(1)
        )
        for values in (run.truth.values, turned)
    ]
    assert (drawn[0] == drawn[1]).all()


def test_thresholds_may_differ_by_label():
    run = runs({"one": 0.8}, seeds=1)["one"][0]._replace(thresholds=np.array([0.05, 0.5, 0.95]))
    counts = bootstrap.patient_counts([run]).sum(0)
    assert counts[2].tolist() == [300, (run.probabilities[:, 1] > 0.5).sum(), 0]


def test_intervals_cover_the_true_difference_about_as_often_as_they_say():
    random, covered = np.random.default_rng(3), 0
    # one label of every report, found with probability .8 and .6; F1 of recall r is 2r / (1 + r)
    expected = 2 * 0.8 / 1.8 - 2 * 0.6 / 1.6
    truth = Targets(np.ones((150, 1), np.float32), np.ones((150, 1), bool))
    for _ in range(200):
        made = {
            name: {0: Run(truth, (random.random((150, 1)) < skill).astype(float), range(150))}
            for name, skill in (("one", 0.8), ("other", 0.6))
        }
        drawn = bootstrap.draws(made, 200, random)
        low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
        covered += low <= expected <= high
    assert 0.90 <= covered / 200 <= 0.99


# Tests


def test_without_overlap_the_corrected_t_is_the_paired_t():
    one, other = np.random.default_rng(1).random((2, 6))
    found, expected = significance.corrected_t(one - other, 0), ttest_rel(one, other)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    overlapping = significance.corrected_t(one - other, 0.25)
    assert overlapping.t == pytest.approx(found.t / np.sqrt(1 + 6 * 0.25))
    assert overlapping.p > found.p
    assert found.cohens_dz == pytest.approx(found.t / np.sqrt(6))


@pytest.mark.parametrize("differences", [[0.1], [0.0, 0.0, 0.0]])
def test_what_cannot_be_tested_says_why(differences):
    found = significance.corrected_t(np.array(differences), 0.25)
    assert found[:3] == (None, None, None) and found.reason


def test_holm_as_in_the_usual_example():
    adjusted = significance.holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([0.02, None, 0.9]) == [pytest.approx(0.06), None, 1.0]


def test_page_as_in_the_example_of_scipy_and_by_counting():
    table = np.array(
        [
            *([3, 4, 3], [2, 2, 4], [3, 3, 5], [1, 3, 2], [2, 3, 2]),
            *([2, 4, 5], [1, 2, 4], [3, 4, 4], [2, 4, 5], [1, 3, 4]),
        ]
    )
    found = significance.trend(table)
    assert found["l"] == 133.5 and found["method"] == "exact"
    assert found["p"] == pytest.approx(0.0018191161948127822)
    agreeing = significance.trend(np.tile([0.1, 0.2, 0.3, 0.4], (3, 1)))
    assert agreeing["l"] == 3 * (1 + 4 + 9 + 16)
    assert agreeing["p"] == pytest.approx(24.0**-3) == pytest.approx(agreeing["smallest_p"])


@pytest.mark.parametrize(("shape", "reason"), [((3, 2), "three levels"), ((1, 4), "two seeds")])
def test_page_of_too_few_says_so(shape, reason):
    found = significance.trend(np.random.default_rng(1).random(shape))
    assert found["p"] is None and reason in found["reason"]


# The comparison


def test_levels_come_by_what_they_may_learn():
    given = ["full", "10", "lora", "0.1", "public", "0.01"]
    assert levels.ordered(given) == ["public", "0.01", "0.1", "10", "lora", "full"]
    assert levels.budgets(given) == ["0.01", "0.1", "10"]
    for wrong in ("shuffled", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match="privacy level"):
            levels.epsilon(wrong)


def test_budgets_that_differ_have_names_that_differ_and_give_them_back():
    shown = {0.01: "0.01", 0.1: "0.1", 1: "1", 10: "10", 2.5: "2.5"}
    assert {budget: levels.named(budget) for budget in shown} == shown
    assert levels.named(1.0) == "1"
    for budget in (1e-5, 1_000_000, 1.234567, 1.2345678, 1e22, 5e-324):
        assert levels.epsilon(levels.named(budget)) == budget
    assert levels.ordered(["1000000", "1e-05", "public"]) == ["public", "1e-05", "1000000"]


def test_the_comparison_obeys_its_schema_and_equal_runs_give_equal_bytes(three, tmp_path):
    path = tmp_path / "statistics.json"
    artefact.write([three, compared(SKILLS, 1)], path, "privacy_statistics")
    assert json.loads(path.read_text())[0] == three
    again = compared(SKILLS, 3)
    assert again == three


def test_gains_are_those_of_scikit_learn(three):
    made = runs(SKILLS | BASELINES, 3)
    f1 = {
        name: [f1_score(r.truth.values, r.probabilities >= 0.5, average="weighted") for r in its]
        for name, its in ((name, by_seed.values()) for name, by_seed in made.items())
    }
    assert [row["level"] for row in three["levels"]] == levels.ordered(SKILLS)
    for row in three["levels"]:
        measured = row["metrics"]["weighted_f1"]
        assert measured["by_seed"] == pytest.approx(f1[row["level"]])
        assert measured["sd"] == pytest.approx(np.std(f1[row["level"]], ddof=1))
        if row["gain"]:
            gain = np.subtract(f1[row["level"]], f1["public"]).mean()
            assert row["gain"]["difference"] == pytest.approx(gain)
            assert row["gain"]["low"] < gain < row["gain"]["high"]
    floor = three["baselines"][-1]
    share = made["10"][0].truth.values.mean(0)
    expected = np.average(2 * share / (1 + share), weights=share)
    assert floor["name"] == "all_positive"
    assert floor["metrics"]["weighted_f1"]["by_seed"][0] == pytest.approx(expected)


def test_a_budget_that_learns_nothing_is_not_told_from_the_public_model(three):
    assert level(three, "0.01")["indistinguishable"] and not level(three, "1")["indistinguishable"]
    assert level(three, "public")["gain"] is None
    holds = {row["level"]: row["holds"] for row in three["non_inferiority"]}
    assert holds == {"0.01": False, "0.1": False, "1": False, "10": True}


@pytest.mark.parametrize(
    ("gain", "spread", "same"),
    [(0.0003, 0.0001, True), (-0.0004, 0.0001, True), (0.02, 0.015, True), (0.006, 0.0001, False)],
)
def test_a_gain_that_nobody_would_mind_is_none_however_sure(gain, spread, same):
    drawn = np.random.default_rng(0).normal(0.7, 0.01, 2000)
    higher = drawn + np.random.default_rng(1).normal(gain, spread, 2000)
    reached = {
        "public": Reached(np.array([0.7, 0.7]), drawn),
        "0.01": Reached(np.array([0.7 + gain] * 2), higher),
    }
    assert differences.gains("0.01", reached, [])["indistinguishable"] == same


def test_pairs_are_neighbours_and_budgets_with_ends(three):
    pairs = {(pair["lower"], pair["higher"]): pair for pair in three["pairs"]}
    neighbours = [pair for pair in pairs if pairs[pair]["adjacent"]]
    assert neighbours == list(pairwise(levels.ordered(SKILLS)))
    assert len(pairs) == 5 + 3 + 3  # public and LoRA have three budgets more each
    assert ("public", "lora") not in pairs and ("0.01", "1") not in pairs
    one = pairs["1", "10"]
    values = [level(three, n)["metrics"]["weighted_f1"]["by_seed"] for n in ("10", "1")]
    expected = significance.corrected_t(np.subtract(*values), 2 / 7)
    assert (one["t"], one["p"]) == pytest.approx((expected.t, expected.p))


def test_a_higher_budget_that_is_worse_is_an_inversion():
    found = compared({"public": 0.8, "1": 0.97, "10": 0.85}, 10, {})
    assert found["inversions"]["significant"] == [["1", "10"]]
    assert "significantly worse at 10 than at 1" in found["conclusion"]
    assert not any("little power" in note for note in found["notes"])
    assert found["trend"]["p"] is None and found["non_inferiority"] == []
    assert "its worth is not known" in found["conclusion"]


def test_one_seed_has_intervals_and_no_tests():
    found = compared(SKILLS, 1)
    assert all(pair["p"] is None and pair["reason"] for pair in found["pairs"])
    assert level(found, "10")["gain"]["low"] > 0
    assert level(found, "10")["metrics"]["auc"]["sd"] is None
    assert found["notes"][0].startswith("One seed")
    assert "with one seed no pair of levels is tested" in found["conclusion"]


def test_few_seeds_are_said_to_have_little_power(three):
    assert "3 seeds can never give a Wilcoxon p under 0.25" in three["notes"][0]
    assert "11 pairs" in three["notes"][0]


def test_the_conclusion_says_what_the_numbers_say(three):
    words = three["conclusion"]
    assert words == conclusion(three)
    assert "made up, tiny does best with privacy at epsilon 10 (protecting one patient, at" in words
    assert "at delta 0.0001)" in words and (three["unit"], three["delta"]) == ("patient", 1e-4)
    assert "not inferior to LoRA" in words and "at epsilon 0.01" in words.lower()
    assert "F1 rises with the budget (Page's L, p < 0.0001)" in words
    assert "beats the negation rules" in words and "cannot be told from bag-of-words" in words
    assert words.endswith("(Papernot & Steinke 2022).")


def test_a_model_behind_its_baselines_and_below_the_public_one_is_called_so():
    words = compared({"public": 0.9, "0.1": 0.7, "1": 0.8}, 2, {"rules": 0.97})["conclusion"]
    assert "falls behind the negation rules" in words
    assert "at epsilon 0.1 and 1 training made it worse than the public one" in words.lower()


def test_runs_that_cannot_be_compared_are_refused():
    made = runs({"public": 0.8, "1": 0.9}, 2)
    with pytest.raises(ValueError, match="1 has the seeds"):
        compare("d", "m", made | {"1": {0: made["1"][0]}}, {}, *GIVEN)
    swapped = {0: made["1"][1], 1: made["1"][0]}
    with pytest.raises(ValueError, match="seed 0: 1 and public have other test reports"):
        compare("d", "m", made | {"1": swapped}, {}, *GIVEN)
    with pytest.raises(ValueError, match="lack the public model or a budget"):
        compare("d", "m", {"1": made["1"]}, {}, *GIVEN)
    with pytest.raises(ValueError, match="a baseline is called as a level: 1"):
        compare("d", "m", made, {"1": made["1"]}, *GIVEN)
    with pytest.raises(ValueError, match="there is no seed"):
        compare("d", "m", {"public": {}, "1": {}}, {}, *GIVEN)
