"""Scores against scikit-learn's own averages and figures worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from phantomloom.privacy.metrics import calibration_error, floors, scores
from phantomloom.privacy.reports import Targets

NAMES = ("a", "b", "c")


@pytest.fixture
def case():
    random = np.random.default_rng(1)
    values = (random.random((200, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    probabilities = np.clip(0.3 * values + random.random((200, 3)) * 0.7, 0, 1)
    return Targets(values, np.ones((200, 3), bool)), probabilities


def test_averages_are_those_of_scikit_learn_where_all_is_known(case):
    truth, probabilities = case
    found = scores(truth, probabilities, NAMES)
    for average in ("weighted", "macro", "micro"):
        expected = f1_score(truth.values, probabilities >= 0.5, average=average)
        assert found[f"{average}_f1"] == pytest.approx(expected)
    assert found["auc"] == pytest.approx(roc_auc_score(truth.values, probabilities))
    assert found["labels"]["b"]["reports"] == truth.values[:, 1].sum()


def test_labels_that_are_not_known_count_nowhere(case):
    truth, probabilities = case
    known = truth.known.copy()
    known[:50, 1] = False
    turned = np.where(known, truth.values, 1 - truth.values)
    one, other = (scores(Targets(v, known), probabilities, NAMES) for v in (truth.values, turned))
    assert one == other
    alone = f1_score(truth.values[50:, 1], probabilities[50:, 1] >= 0.5)
    assert one["labels"]["b"]["f1"] == pytest.approx(alone)


def test_thresholds_may_differ_by_label(case):
    truth, probabilities = case
    thresholds = np.array([0.2, 0.5, 0.8])
    found = scores(truth, probabilities, NAMES, thresholds)
    expected = f1_score(truth.values, probabilities >= thresholds, average="weighted")
    assert found["weighted_f1"] == pytest.approx(expected)


def test_floors_are_what_knowing_nothing_reaches(case):
    truth, _ = case
    prevalence = np.array([0.6, 0.2, 0.1])
    found = floors(truth, prevalence, NAMES)
    share = truth.values.mean(0)
    f1 = 2 * share / (1 + share)  # precision is the prevalence, recall 1
    assert found["all_positive"]["macro_f1"] == pytest.approx(f1.mean())
    assert found["all_positive"]["weighted_f1"] == pytest.approx((f1 * share).sum() / share.sum())
    assert found["prevalence"]["auc"] == pytest.approx(0.5)
    assert found["prevalence"]["auprc"] == pytest.approx(share.mean())
    assert found["prevalence"]["macro_f1"] == pytest.approx(f1[0] / 3)


def test_a_label_of_one_class_has_no_auc_and_the_mean_leaves_it_out():
    truth = Targets(np.array([[0, 1], [0, 0]], np.float32), np.ones((2, 2), bool))
    found = scores(truth, np.array([[0.1, 0.9], [0.2, 0.3]]), ("a", "b"))
    assert found["labels"]["a"]["auc"] is None and found["auc"] == 1.0
    nobody = Targets(np.zeros((2, 2), np.float32), truth.known)
    nothing = scores(nobody, np.zeros((2, 2)), ("a", "b"))
    assert nothing["auc"] is None and nothing["weighted_f1"] == 0.0
    with pytest.raises(ValueError, match="no label of these reports is known"):
        scores(Targets(truth.values, ~truth.known), np.zeros((2, 2)), ("a", "b"))


def test_calibration_error_by_hand():
    # two of four happen where 0.9 was said: gap 0.4; one of one where 1 was said: gap 0
    values, said = np.array([1, 1, 0, 0, 1.0]), np.array([0.9, 0.9, 0.9, 0.9, 1.0])
    assert calibration_error(values[:4], said[:4]) == pytest.approx(0.4)
    assert calibration_error(values[4:], said[4:]) == 0.0
    # both lie in the last of 15 bins, so the gaps add up: |3 - 4.6| / 5
    assert calibration_error(values, said) == pytest.approx(0.32)
    assert calibration_error(values[:0], said[:0]) == 0.0


def test_wrong_shapes_and_numbers_are_refused(case):
    truth, probabilities = case
    with pytest.raises(ValueError, match="200 reports and 2 labels"):
        scores(truth, probabilities, NAMES[:2])
    with pytest.raises(ValueError, match="below 0, above 1 or no number"):
        scores(truth, probabilities * np.nan, NAMES)


def test_a_label_ranked_without_a_fault_has_an_auprc_of_one_and_no_more():
    """scikit-learn adds up 20 of 21 reports to 1.0000000000000002, which no artefact takes."""
    values = np.array([1.0] * 20 + [0.0], np.float32)[:, None]
    truth = Targets(values, np.ones_like(values, bool))
    found = scores(truth, np.linspace(1, 0, 21)[:, None], ("a",))
    assert found["labels"]["a"]["auprc"] == 1
