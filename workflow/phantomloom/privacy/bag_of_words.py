"""The other baseline without a network: words counted, then one logistic regression a label.

Privacy: a vocabulary and its IDF count as public only if the texts that they come from are
(``vocabulary`` of the public grammar's reports); ``features`` looks at each report alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags_array
from scipy.special import logit
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from torch import Tensor, nn

from phantomloom.privacy.learner import Learner
from phantomloom.privacy.reports import Targets

LONGEST = 2  # words in a term: "no effusion" is one
RAREST = 2  # reports that a term must be in
INVERSE_PENALTY = 10.0  # scikit-learn's C
STEPS = 1000
LEAST = 1e-3  # probability that public logits are made of: labels that never occur have none


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


def probabilities(training: csr_matrix, truth: Targets, scored: csr_matrix) -> np.ndarray:
    """Return each label's probability [N, L] in ``scored``, learnt without privacy.

    ``truth`` [M, L] belongs to the rows of ``training``. The classes weigh the same in training,
    so 0.5 is a fair threshold for rare labels too. A label that training knows in one class only
    keeps that class.
    """
    columns = [
        _column(training, values, known, scored)
        for values, known in zip(truth.values.T, truth.known.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def learner(words: csr_matrix, public: np.ndarray, targets: Tensor) -> Learner:
    """Return what learns a change of ``public`` probabilities [N, L] that is linear in words.

    It begins with none. ``words`` [N, V] are ``features``; targets [N, L], see ``Learner``.
    """
    logits = torch.from_numpy(logit(public.clip(LEAST, 1 - LEAST))).float()
    change = nn.Linear(words.shape[1], logits.shape[1])
    for parameter in change.parameters():
        nn.init.zeros_(parameter)

    def batch(rows: np.ndarray) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(words[rows].toarray()).float(), logits[torch.from_numpy(rows)]

    return Learner(_Changed(change), batch, targets)


class _Changed(nn.Module):
    def __init__(self, change: nn.Linear):
        super().__init__()
        self.change = change

    def forward(self, words: Tensor, logits: Tensor) -> Tensor:
        return logits + self.change(words)


def _column(
    training: csr_matrix, values: np.ndarray, known: np.ndarray, scored: csr_matrix
) -> np.ndarray:
    given = values[known] > 0.5
    if given.all() or not given.any():
        return np.full(scored.shape[0], float(given.any()))
    model = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=STEPS)
    return model.fit(training[known], given).predict_proba(scored)[:, 1]
