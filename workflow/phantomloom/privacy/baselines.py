"""What needs no network: the rules, and words counted, publicly, privately, or without privacy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from phantomloom.privacy import bag_of_words, rules
from phantomloom.privacy.accountant import Ledger
from phantomloom.privacy.method import Method
from phantomloom.privacy.reports import Dataset, Uncertain, targets
from phantomloom.privacy.study import Study, wanted
from phantomloom.privacy.training import Budget, train


class Counted(NamedTuple):
    """Reports as counted words; nothing of it comes from other reports than public ones.

    words: [N, V] of all reports. public: probabilities of who learnt on public reports, [N, L].
    """

    words: csr_matrix
    public: np.ndarray


def of_rules(its: Study, uncertain: Uncertain, wholly_normal: bool) -> np.ndarray:
    """Return 1 or 0 for each label of the test reports, [T, L]; see ``rules.labels``."""
    names, reports = its.dataset.label_names, its.dataset.reports
    read = [rules.labels(reports[row].text, names, wholly_normal) for row in its.parts.test]
    return targets(read, uncertain).values


def counted(dataset: Dataset, public: Dataset, terms: int, uncertain: Uncertain) -> Counted:
    """Return ``dataset`` in the ``terms`` words most frequent in ``public`` reports."""
    taught = [report.text for report in public.reports]
    vocabulary = bag_of_words.vocabulary(taught, terms)
    known = bag_of_words.features(taught, vocabulary)
    words = bag_of_words.features([report.text for report in dataset.reports], vocabulary)
    truth = targets([report.labels for report in public.reports], uncertain)
    return Counted(words, bag_of_words.probabilities(known, truth, words))


def private(
    its: Study,
    counts: Counted,
    method: Method,
    noise_multiplier: float,
    folder: Path,
    seed: int,
    budget: Budget | None = None,
    code: str = "",
) -> tuple[np.ndarray, Ledger]:
    """Return the probabilities [T, L] that a private logistic regression gives the test reports.

    Also what it spent. ``folder`` keeps the state of the training.
    """
    learner = bag_of_words.learner(*counts, wanted(its.truth))
    plan = method.plan(len(its.units), noise_multiplier, seed)
    trained = train(learner, its.units, plan, folder, budget, code=code)
    return learner.logits(its.parts.test).sigmoid().numpy(), trained.ledger


def unprotected(its: Study, counts: Counted) -> np.ndarray:
    """Return the probabilities [T, L] of a logistic regression without privacy."""
    train, test = counts.words[its.parts.train], counts.words[its.parts.test]
    return bag_of_words.probabilities(train, its.truth.at(its.parts.train), test)
