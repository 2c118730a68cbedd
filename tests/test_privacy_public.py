import pytest
import small_public
import torch

from phantomloom.privacy import public, training


def differing(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().values(), strict=True)
    return {name for (name, a), b in pairs if not torch.equal(a, b)}


def test_only_the_top_layers_learn_and_what_was_given_stays(tmp_path):
    given, untouched = small_public.encoder(), small_public.encoder()
    args = (small_public.tokenizer(), small_public.tokens(), small_public.labels())
    model = public.pretrain(given, *args, small_public.SETTINGS, tmp_path)
    assert not differing(given, untouched)
    moved = differing(model.encoder, untouched)
    assert moved and all(name.startswith("encoder.layer.2.") for name in moved)
    assert not any(
        each.requires_grad for each in (*model.encoder.parameters(), *model.head.parameters())
    )


def test_an_encoder_that_shares_its_layers_learns_as_a_whole(tmp_path):
    whole = small_public.SETTINGS._replace(layers=None)
    model = small_public.model(tmp_path / "whole", "albert-base", whole)
    assert any(
        "word_embeddings" in n
        for n in differing(model.encoder, small_public.encoder("albert-base"))
    )
    with pytest.raises(ValueError, match="shares its layers; say `layers: all`"):
        small_public.model(tmp_path / "top", "albert-base")


def test_more_layers_than_the_encoder_has_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"privacy\.public\.layers: 4, but the encoder has 3"):
        small_public.model(tmp_path, settings=small_public.SETTINGS._replace(layers=4))


def test_a_model_is_read_as_it_was_written(tmp_path):
    model = small_public.model(tmp_path / "training")
    public.write(model, tmp_path / "model")
    again = public.read(tmp_path / "model", small_public.encoder(), small_public.tokenizer())
    assert not differing(again.encoder, model.encoder)
    assert not differing(again.head, model.head)
    assert all(map(torch.equal, again.directions, model.directions))
    assert again.trust == model.trust == 2


def test_a_killed_training_ends_with_the_same_model(tmp_path, monkeypatch):
    whole, keep = small_public.model(tmp_path / "whole"), training._Run.save

    def save(self, state):
        if state.parent.name == "whole" and self.step == 3:
            raise KeyboardInterrupt
        keep(self, state)

    with monkeypatch.context() as patched:
        patched.setattr(training._Run, "save", save)
        with pytest.raises(KeyboardInterrupt):
            small_public.model(tmp_path / "killed")
    resumed = small_public.model(tmp_path / "killed")
    assert not differing(resumed.encoder, whole.encoder)


def test_other_labels_never_go_on_from_a_finished_model(tmp_path):
    small_public.model(tmp_path)
    args = (small_public.encoder(), small_public.tokenizer(), small_public.tokens())
    other = (1 - small_public.labels(), small_public.SETTINGS)
    again = public.pretrain(*args, *other, tmp_path)
    fresh = public.pretrain(*args, *other, tmp_path / "fresh")
    assert not differing(again.head, fresh.head)


def test_masking_spares_the_first_token_and_what_is_no_token():
    tokens, mask_token = small_public.tokens(), small_public.tokenizer().mask_token_id
    rows = torch.arange(small_public.REPORTS).numpy()
    plain, mask, *_ = tokens.batch(rows)
    hidden, *_ = public._masking(tokens, mask_token, small_public.SETTINGS._replace(masked=1.0))(
        rows
    )
    assert torch.equal(hidden[:, 0], plain[:, 0])
    assert (hidden[:, 1:][mask[:, 1:] == 1] == mask_token).all()
    assert torch.equal(hidden[mask == 0], plain[mask == 0])


def test_it_learns_its_reports(tmp_path):
    settings = public.Settings(1, 5, 1e-2, 60, 1e-2, 12, 0.0, 1, 0.0)
    tokens, labels = small_public.tokens(), small_public.labels()
    args = (small_public.encoder(), small_public.tokenizer(), tokens, labels, settings, tmp_path)
    model = public.pretrain(*args)
    classifier = public.Classifier(model.encoder, model.head)
    logits = classifier(*tokens.batch(torch.arange(small_public.REPORTS).numpy()))
    assert ((logits > 0).float() == labels).float().mean() > 0.95
