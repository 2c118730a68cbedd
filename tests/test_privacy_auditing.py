"""Attacks on a toy training whose leak is known: exact without noise, none under great noise."""

import numpy as np
import pytest
import torch

from phantomloom.privacy import auditing
from phantomloom.privacy import head as heads
from phantomloom.privacy.accountant import noise_multiplier
from phantomloom.privacy.auditing import Training, attacked
from phantomloom.privacy.head import Cached, Head
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.mechanism import MARGIN
from phantomloom.privacy.sampling import rows_of_units
from phantomloom.privacy.training import Plan, train

ROWS, LABELS, WIDTH = 300, 6, 250
CANARIES, GUESSES, DELTA, SURE = 200, 80, 1e-4, 0.95
TAUGHT, OTHERS = np.arange(240), np.arange(240, ROWS)
STEPS, CLIP = 20, 0.5
PLAN = Plan(STEPS, 1, CLIP, 1.0, 20.0, seed=5)


def learner(targets) -> Learner:
    vectors = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0))
    given = Cached(
        vectors, np.ones(ROWS, int), torch.zeros(ROWS, 0), torch.zeros(ROWS, targets.shape[1])
    )
    return heads.learner(Head(WIDTH, targets.shape[1], "logsumexp"), given, targets)


def labels():
    return torch.randint(2, (ROWS, LABELS), generator=torch.Generator().manual_seed(1)).float()


def training(noise=1.0, units=rows_of_units(range(240)), **changes):  # noqa: B008
    plan = PLAN._replace(noise_multiplier=noise, **changes)
    return Training(learner, labels(), units, OTHERS, plan)


@pytest.mark.parametrize("clipping", ["flat", "automatic"])
def test_without_noise_a_canary_in_the_gradient_counts_one_clip_a_step(clipping):
    seen, _ = auditing.by_gradient(training(0.0, clipping=clipping), CANARIES)
    expected = STEPS * CLIP * MARGIN * seen.included
    np.testing.assert_allclose(
        seen.scores, expected, rtol=2e-4 if clipping == "automatic" else 1e-6
    )


def test_noise_on_a_canary_is_that_of_the_mechanism():
    seen, _ = auditing.by_gradient(training(3.0), CANARIES)
    noise = seen.scores - STEPS * CLIP * MARGIN * seen.included
    assert noise.std() == pytest.approx(3.0 * CLIP * STEPS**0.5, rel=0.15)
    assert abs(noise.mean()) < 4 * noise.std() / CANARIES**0.5


def test_the_twin_leaks_and_the_private_run_does_not_exceed_its_epsilon():
    noise = noise_multiplier(1.0, DELTA, 1, STEPS)
    found = attacked(training(noise), DELTA, SURE, CANARIES, GUESSES)
    assert found["private"]["gradient"]["epsilon"] <= 1
    assert found["private"]["loss"]["epsilon"] <= 1
    for attack in auditing.ATTACKS:
        assert found["control"][attack]["epsilon"] > 2
        assert found["control"][attack]["canaries"] == CANARIES
        assert found["control"][attack]["guesses"] == GUESSES
    assert found["control"]["gradient"]["correct"] == GUESSES
    assert found["control"]["membership"]["auc"] > 0.9


def test_great_noise_proves_nothing():
    found = attacked(training(1e4, learning_rate=1e-3), DELTA, SURE, CANARIES, GUESSES)["private"]
    assert found["gradient"]["epsilon"] == found["loss"]["epsilon"] == 0
    assert found["membership"]["p"] > 1e-3


def test_canaries_in_the_labels_are_whole_units_and_half_of_them_are_left_out():
    """With patients of two reports, one step moves the head along the rows that took part alone."""
    seen_rows = []

    class Spy(Learner):
        def gradients(self, rows):
            seen_rows.extend(rows.tolist())
            return super().gradients(rows)

    def spied(targets):
        plain = learner(targets)
        return Spy(plain.module, plain.batch, targets)

    pairs = [np.array([row, row + 1]) for row in range(0, 240, 2)]
    its = training(0.0, pairs, steps=1)._replace(learner=spied)
    scores, included = auditing.by_loss(its, 100)
    trained = {row // 2 for row in seen_rows}
    assert len(seen_rows) == 2 * len(trained)
    assert len(trained) == 120 - (~included).sum()
    assert len(scores) == 100


def test_the_confidence_of_a_bound_shares_5_percent_among_all():
    assert auditing.confidence(1) == pytest.approx(0.975)
    assert auditing.confidence(4) == pytest.approx(1 - 0.05 / 8)


def test_what_cannot_be_audited_is_told():
    with pytest.raises(ValueError, match="has a clip, and a seed"):
        attacked(training(clip=None), DELTA, SURE)
    with pytest.raises(ValueError, match="has a clip, and a seed"):
        attacked(training(seed=None), DELTA, SURE)
    with pytest.raises(ValueError, match="1000 units become canaries, but there are 240"):
        attacked(training(), DELTA, SURE)


def test_canaries_leave_the_steps_as_long_as_those_of_the_run_itself(tmp_path):
    alone, learners = training(0.0), []

    def kept(targets):
        learners.append(learner(targets))
        return learners[-1]

    plain = learner(labels())
    train(plain, alone.units, alone.plan, tmp_path)
    auditing.by_gradient(alone._replace(learner=kept), CANARIES)
    torch.testing.assert_close(learners[0].losses(TAUGHT), plain.losses(TAUGHT))
