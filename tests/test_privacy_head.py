import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from phantomloom.privacy import head as heads
from phantomloom.privacy.head import Cached, Directions, Head, Projection

COUNTS = np.array([2, 1, 4, 3, 1])


def cached(extras=0, width=6, labels=3):
    draw = torch.Generator().manual_seed(0)
    return Cached(
        torch.randn(COUNTS.sum(), width, generator=draw),
        COUNTS,
        torch.randn(len(COUNTS), extras, generator=draw),
        torch.randn(len(COUNTS), labels, generator=draw),
    )


def random_head(pooling, extras):
    head = Head(6, 3, pooling, extras)
    draw = torch.Generator().manual_seed(1)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, generator=draw)
    return head


def logits_by_hand(head, data, row):
    start = COUNTS[:row].sum()
    vectors = data.vectors[start : start + COUNTS[row]].numpy()
    weight, bias = head.score.weight.detach().numpy(), head.score.bias.detach().numpy()
    out = []
    for label in range(3):
        scores = [weight[label] @ vector + bias[label] for vector in vectors]
        if head.attention is None:
            pooled = np.log(sum(np.exp(score) for score in scores))
        else:
            shares = np.exp([head.attention.weight[label].detach().numpy() @ v for v in vectors])
            pooled = sum(shares * scores) / sum(shares)
        if head.extras is not None:
            pooled += head.extras.weight[label].detach().numpy() @ data.extras[row].numpy()
        out.append(pooled + float(data.offset[row, label]))
    return out


@pytest.mark.parametrize("pooling", heads.POOLINGS)
@pytest.mark.parametrize("extras", [0, 2])
def test_logits_equal_a_loop_over_sentences(pooling, extras):
    head, data = random_head(pooling, extras), cached(extras)
    learner = heads.learner(head, data, torch.zeros(5, 3))
    rows = np.array([3, 0, 2, 4])
    expected = [logits_by_hand(head, data, row) for row in rows]
    np.testing.assert_allclose(learner.logits(rows), expected, rtol=1e-4)
    assert learner.logits(rows[:0]).shape == (0, 3)


@pytest.mark.parametrize("pooling", heads.POOLINGS)
def test_gradients_of_rows_equal_one_by_one_autograd(pooling):
    head, data = random_head(pooling, 2), cached(2)
    targets = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, torch.nan], [0, 1, 0], [1, 0, 0.0]])
    weights = torch.tensor([1.0, 2.0, 0.5])
    learner = heads.learner(random_head(pooling, 2), data, targets, weights)
    rows = np.array([2, 0, 4, 1])
    gradients, losses = learner.gradients(rows)
    for row, gradient, loss in zip(rows, gradients, losses, strict=True):
        logits = head(*data.batch(np.array([row])))[0]
        known = targets[row].isfinite()
        each = binary_cross_entropy_with_logits(
            logits[known], targets[row][known], weights[known], reduction="sum"
        )
        one = torch.autograd.grad(each / 3, list(head.parameters()))
        expected = torch.cat([part.flatten() for part in one])
        torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)
        assert float(loss) == pytest.approx(each.item() / 3, rel=1e-5)
    total, _ = learner.total(rows)
    torch.testing.assert_close(total, gradients.sum(0), atol=1e-6, rtol=1e-5)


def test_an_untrained_head_is_the_public_offset():
    data = cached()
    learner = heads.learner(Head(6, 3, "attention"), data, torch.zeros(5, 3))
    torch.testing.assert_close(learner.logits(np.arange(5)), data.offset)


def test_parameters_come_back_as_they_were_set():
    learner = heads.learner(random_head("attention", 2), cached(2), torch.zeros(5, 3))
    wanted = torch.arange(len(learner.parameters())).float()
    learner.load(wanted)
    assert torch.equal(learner.parameters(), wanted)


def test_whitened_directions_are_uncorrelated_and_of_equal_size():
    public = torch.randn(500, 8, generator=torch.Generator().manual_seed(2))
    public = public @ torch.diag(torch.logspace(0, -1, 8)) + 3
    directions = Directions.of(public)
    seen = Projection.along(directions, 5)(public)
    torch.testing.assert_close(seen.T.cov(correction=0), torch.eye(5) / 5, atol=1e-4, rtol=0)
    unscaled = Projection.along(directions, 5, whiten=False)(public)
    assert float(unscaled.square().sum(1).mean()) == pytest.approx(1, rel=1e-3)
    assert unscaled.var(0)[0] > 5 * unscaled.var(0)[4]


def test_more_directions_than_the_public_vectors_span_are_refused():
    with pytest.raises(ValueError, match="4 directions were fitted, 5 are wanted"):
        Projection.along(Directions.of(torch.zeros(4, 8)), 5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="pooling is one of logsumexp, attention, not 'max'"):
        Head(6, 3, "max")
    with pytest.raises(ValueError, match="every report needs a sentence"):
        heads.learner(Head(6, 3, "attention"), cached()._replace(counts=COUNTS[1:]), torch.zeros(4))
