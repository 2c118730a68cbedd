"""Counted words: norms, who may know the vocabulary, and a problem whose answer is plain."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from phantomloom.privacy.bag_of_words import features, learner, probabilities, vocabulary
from phantomloom.privacy.reports import Targets

TEXTS = ["clear lungs", "left effusion", "no effusion", "left mass", "clear lungs no mass"] * 3


def test_features_are_those_of_scikit_learn_with_its_own_vocabulary():
    theirs = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    ours = features(TEXTS, vocabulary(TEXTS))
    assert np.allclose(ours.toarray(), theirs.fit_transform(TEXTS).toarray())


def test_a_report_has_norm_one_whatever_stands_in_the_others_or_none_of_the_words():
    words = vocabulary(TEXTS)
    found = features(["left left effusion", "a word of nobody"], words)
    assert np.allclose(np.linalg.norm(found.toarray(), axis=1), [1, 0])
    assert np.allclose(features(["left left effusion"], words).toarray(), found[:1].toarray())


def test_a_vocabulary_holds_the_most_frequent_terms_and_refuses_texts_without_any():
    assert len(vocabulary(TEXTS, most=4).terms) == 4
    with pytest.raises(ValueError, match=r"empty vocabulary|no terms|pruning"):
        vocabulary(["one", "two"])


def test_it_learns_what_two_words_tell_and_leaves_out_what_is_not_known():
    matrix = features(TEXTS, vocabulary(TEXTS))
    effusion = np.array([text == "left effusion" for text in TEXTS], np.float32)
    values = np.stack([effusion, 1 - effusion, np.ones(15), np.zeros(15)], axis=1)
    known = np.ones_like(values, bool)
    known[5:, 1] = False
    found = probabilities(matrix, Targets(values, known), matrix)
    assert np.array_equal(found[:, 0] > 0.5, effusion > 0)
    assert np.array_equal(found[:, 1] > 0.5, effusion == 0)
    assert (found[:, 2] == 1).all() and (found[:, 3] == 0).all()
    lies = np.where(known, values, 1 - values)
    assert np.allclose(probabilities(matrix, Targets(lies, known), matrix), found)


def test_what_is_learnt_begins_with_the_public_answer_and_has_a_logistic_regression_s_gradient():
    matrix = features(TEXTS, vocabulary(TEXTS))
    targets = torch.tensor([[float("effusion" in text)] for text in TEXTS])
    public = np.full((15, 1), 0.25)
    change, rows = learner(matrix, public, targets), np.arange(15)
    assert np.allclose(change.logits(rows).sigmoid(), 0.25)
    gradients, _ = change.gradients(rows)
    by_hand = (0.25 - targets.numpy()) * np.hstack([matrix.toarray(), np.ones((15, 1))])
    assert np.allclose(gradients, by_hand, atol=1e-6)
