import numpy as np
import pytest
from sklearn.metrics import f1_score

from phantomloom.io import artefact
from phantomloom.privacy import baselines, study
from phantomloom.privacy.data import synthetic
from phantomloom.privacy.method import Method

SETTINGS = {"uncertain": "zeros", "shares": [0.6, 0.1, 0.3]}


@pytest.fixture(scope="module")
def dataset():
    return synthetic.read(150, "mimic_cxr", seed=7)


def test_units_are_reports_or_patients_and_cover_the_training_part_once(dataset):
    for unit in study.UNITS:
        its = study.study(dataset, 1, unit, **SETTINGS)
        assert sorted(np.concatenate(its.units)) == its.parts.train.tolist()
        owners = [{dataset.reports[row].patient_id for row in rows} for rows in its.units]
        assert all(len(owner) == 1 for owner in owners)
        patients = len({dataset.reports[row].patient_id for row in its.parts.train})
        assert len(its.units) == (patients if unit == "patient" else len(its.parts.train))


def test_another_unit_is_refused(dataset):
    with pytest.raises(ValueError, match=r"privacy\.unit: report or patient, not 'study'"):
        study.study(dataset, 1, "study", **SETTINGS)


def test_shuffled_labels_change_their_reports_in_the_training_part_alone(dataset):
    as_it_is = study.study(dataset, 3, "report", **SETTINGS)
    its = study.study(dataset, 3, "report", **SETTINGS, shuffled=True)
    train, others = its.parts.train, np.concatenate(its.parts[1:])
    assert np.array_equal(train, as_it_is.parts.train)
    assert np.array_equal(its.truth.values[others], as_it_is.truth.values[others])
    there, before = its.truth.values[train], as_it_is.truth.values[train]
    assert sorted(map(tuple, there)) == sorted(map(tuple, before))
    assert (there != before).any(axis=1).mean() > 0.5


def test_those_who_share_a_text_stay_together_where_asked(dataset):
    doubled = [r._replace(report_id=f"{r.report_id}b", patient_id="b") for r in dataset.reports[:1]]
    twice = dataset._replace(reports=(*dataset.reports, *doubled))
    for seed in range(6):
        its = study.study(twice, seed, "report", **SETTINGS, repeats_together=True)
        assert sum(len({0, 150} & set(part)) for part in its.parts if 0 in part) == 2


def test_an_outcome_has_the_test_reports_scores_and_goes_into_an_artefact(dataset, tmp_path):
    its = study.study(dataset, 2, "report", **SETTINGS)
    found = baselines.of_rules(its, "zeros", False)
    told = study.outcome(its, found, {})
    truth = its.truth.values[its.parts.test]
    expected = f1_score(truth, found, average="weighted", zero_division=0)
    assert told["scores"]["weighted_f1"] == pytest.approx(expected)
    artefact.write(told, tmp_path / "metrics.json", schema="privacy_metrics")
    run = study.said(study.predictions(its, found))
    assert np.array_equal(run.truth.values, truth)
    names = [dataset.reports[row].patient_id for row in its.parts.test]
    same = np.equal.outer(run.patients, run.patients)
    assert np.array_equal(same, np.equal.outer(np.array(names), np.array(names)))
    row = study.row(told)
    assert row["test"] == len(names) and "labels" not in row


def test_words_learnt_on_public_reports_are_private_at_first_and_open_at_last(dataset, tmp_path):
    its = study.study(dataset, 1, "report", **SETTINGS)
    counts = baselines.counted(dataset, synthetic.read(80, "mimic_cxr", "public"), 200, "zeros")
    assert counts.words.shape == (150, 200)
    still = Method("head", clip=1.0, learning_rate=1e-9)
    found, ledger = baselines.private(its, counts, still, 4.0, tmp_path, 1)
    np.testing.assert_allclose(found, counts.public[its.parts.test].clip(1e-3, 1 - 1e-3), atol=1e-5)
    assert ledger == ((1.0, 4.0, 1),)
    steps = Method("head", clip=1.0, learning_rate=30.0, steps=40)
    learnt, _ = baselines.private(its, counts, steps, 1e-3, tmp_path, 1)
    target = its.truth.values[its.parts.test]
    assert np.square(learnt - target).mean() < np.square(found - target).mean()
    assert baselines.unprotected(its, counts).shape == target.shape
