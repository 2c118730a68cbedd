import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from phantomloom.privacy import lora, models
from phantomloom.privacy.head import Head
from phantomloom.privacy.lora import Classifier, Tokens
from phantomloom.privacy.method import Adapter

COUNTS = np.array([2, 1, 3, 1])
TARGETS = torch.tensor([[1, 0.0], [0, 1], [1, 1], [0, 0]])
TOP = Adapter(2, 4, ("query", "value"), (1,))
ALL = Adapter(2, 4, ("query", "value"))


def tokens():
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 40, (COUNTS.sum(), 6), generator=draw)
    lengths = torch.tensor([6, 3, 4, 2, 5, 6, 3])
    mask = (torch.arange(6) < lengths[:, None]).long()
    return Tokens(ids * mask, mask, COUNTS, torch.zeros(4, 0), torch.zeros(4, 2))


def classifier(name="minilm", adapter=TOP, blank=False):
    encoder = lora.adapt(models.fresh(name, vocabulary=40, seed=1), adapter, seed=2)
    built = Classifier(encoder, Head(32, 2, "attention"))
    draw = torch.Generator().manual_seed(3)
    for name, parameter in built.named_parameters():
        if parameter.requires_grad and not (blank and "lora" in name):
            torch.nn.init.normal_(parameter, std=0.3, generator=draw)
    return built


@pytest.mark.parametrize(
    ("name", "adapter"), [("minilm", TOP), ("minilm", ALL), ("albert-base", ALL)]
)
@pytest.mark.parametrize("at_once", [2, 64])
def test_gradients_of_reports_equal_one_by_one_autograd(monkeypatch, name, adapter, at_once):
    monkeypatch.setattr(lora, "AT_ONCE", at_once)
    model, data = classifier(name, adapter), tokens()
    trained = [each for each in model.parameters() if each.requires_grad]
    learner = lora.learner(classifier(name, adapter), data, TARGETS)
    rows = np.array([2, 0, 3])
    gradients, _ = learner.gradients(rows)
    assert float(gradients.norm(dim=1).min()) > 1e-3
    for row, gradient in zip(rows, gradients, strict=True):
        logits = model(*data.batch(np.array([row])))[0]
        loss = binary_cross_entropy_with_logits(logits, TARGETS[row])
        one = torch.autograd.grad(loss, trained)
        expected = torch.cat([part.flatten() for part in one])
        torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(learner.total(rows)[0], gradients.sum(0), atol=1e-5, rtol=1e-4)


def test_only_adapters_of_the_chosen_layers_and_the_head_are_trained():
    model = classifier()
    names = [name for name, each in model.named_parameters() if each.requires_grad]
    adapters = [name for name in names if "lora" in name]
    assert len(adapters) == 4 and all(".layer.1.attention." in name for name in adapters)
    assert set(names) - set(adapters) == {
        "head.score.weight",
        "head.score.bias",
        "head.attention.weight",
    }


def test_a_fresh_adapter_changes_nothing():
    plain = models.fresh("minilm", vocabulary=40, seed=1)
    data = tokens()
    expected = lora.vectors(plain, data.ids, data.mask)
    adapted = classifier(blank=True).encoder
    torch.testing.assert_close(lora.vectors(adapted, data.ids, data.mask), expected)


def test_sentences_in_a_batch_are_encoded_as_alone(monkeypatch):
    monkeypatch.setattr(lora, "AT_ONCE", 3)
    encoder, data = models.fresh("minilm", vocabulary=40, seed=1), tokens()
    together = lora.vectors(encoder, data.ids, data.mask)
    for i, (ids, mask) in enumerate(zip(data.ids, data.mask, strict=True)):
        alone = encoder(input_ids=ids[None, : mask.sum()]).last_hidden_state.mean(1)[0]
        torch.testing.assert_close(together[i], alone, atol=1e-5, rtol=1e-4)


def test_only_linear_layers_can_be_trained_in_private():
    model = classifier()
    model.encoder.base_model.model.embeddings.requires_grad_(True)
    with pytest.raises(TypeError, match="of linear layers, not of Embedding"):
        lora.learner(model, tokens(), TARGETS).gradients(np.arange(4))


def test_settings_that_fit_no_layer_are_refused():
    bert, albert = (models.fresh(name, vocabulary=40, seed=1) for name in ("minilm", "albert-base"))
    with pytest.raises(ValueError, match=r"lora.layers are \[3\], the encoder has 3"):
        lora.adapt(bert, TOP._replace(layers=(3,)), seed=0)
    with pytest.raises(ValueError, match="shares its layers; say `layers: all`"):
        lora.adapt(albert, TOP, seed=0)
    with pytest.raises(ValueError, match="not found"):
        lora.adapt(bert, TOP._replace(target_modules=("q_proj",)), seed=0)
