"""The other baseline without a network: words counted, then one logistic regression a label.

Privacy: a vocabulary and its IDF count as public only if the texts that they come from are
(``vocabulary`` of the public grammar's reports); ``features`` looks at each report alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, diags_array
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

LONGEST = 2  # words in a term: "no effusion" is one
RAREST = 2  # reports that a term must be in
INVERSE_PENALTY = 10.0  # scikit-learn's C
STEPS = 1000


class Vocabulary(NamedTuple):
    """Terms in the order of the columns, and their weights."""

    terms: tuple[str, ...]
    idf: np.ndarray  # float64 [V]


def vocabulary(texts: Sequence[str], most: int | None = None) -> Vocabulary:
    """Return the ``most`` frequent terms of one or two words with their smoothed IDF, ln based.

    Raises:
        ValueError: if no term is in two of the texts.
    """
    counter = TfidfVectorizer(ngram_range=(1, LONGEST), min_df=RAREST, max_features=most)
    counter.fit(texts)
    return Vocabulary(tuple(counter.get_feature_names_out()), counter.idf_)


def features(texts: Sequence[str], words: Vocabulary) -> csr_matrix:
    """Return the TF-IDF matrix [N, V], float64; each row has the Euclidean norm 1, or is 0.

    Term frequencies are 1 + ln(count), as one report may say a thing over and over.
    """
    counter = CountVectorizer(ngram_range=(1, LONGEST), vocabulary=list(words.terms))
    counts = counter.transform(texts).astype(np.float64)
    counts.data = 1 + np.log(counts.data)
    return normalize(csr_matrix(counts @ diags_array(words.idf)))


def hashed(texts: Sequence[str], columns: int) -> csr_matrix:
    """Return counts by hash [N, ``columns``], float64; each row has the Euclidean norm 1, or is 0.

    It needs no vocabulary, so nothing of anybody's texts stands in it.
    """
    counter = HashingVectorizer(ngram_range=(1, LONGEST), n_features=columns)
    return csr_matrix(counter.transform(texts))


def probabilities(
    training: csr_matrix, values: np.ndarray, known: np.ndarray, scored: csr_matrix
) -> np.ndarray:
    """Return each label's probability [N, L] in ``scored``, learnt without privacy.

    ``values`` and ``known`` [M, L] belong to the rows of ``training`` (see ``reports.Targets``).
    The classes weigh the same in training, so 0.5 is a fair threshold for rare labels too. A
    label that training knows in one class only keeps that class.
    """
    columns = [
        _column(training, values[:, label], known[:, label], scored)
        for label in range(values.shape[1])
    ]
    return np.stack(columns, axis=1)


def _column(
    training: csr_matrix, values: np.ndarray, known: np.ndarray, scored: csr_matrix
) -> np.ndarray:
    given = values[known] > 0.5
    if given.all() or not given.any():
        return np.full(scored.shape[0], float(given.any()))
    model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=STEPS)
    return model.fit(training[known], given).predict_proba(scored)[:, 1]
