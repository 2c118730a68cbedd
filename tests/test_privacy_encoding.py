import numpy as np
import pytest
import small_public
import torch

from phantomloom.privacy import encoding, rules
from phantomloom.privacy.lora import Classifier, learner


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return small_public.model(tmp_path_factory.mktemp("public"))


def encoded(public, texts):
    names = small_public.dataset().label_names
    return encoding.encode(public, texts, names, small_public.LONGEST)


def test_public_logits_are_those_of_encoder_and_head(public):
    made = encoded(public, small_public.texts())
    classifier = Classifier(public.encoder, public.head)
    whole = learner(classifier, encoding.as_tokens(made, public.trust), made.logits)
    expected = whole.logits(np.arange(small_public.REPORTS))
    torch.testing.assert_close(made.logits, expected, atol=1e-5, rtol=1e-4)


def test_each_report_is_read_alone(public):
    texts = small_public.texts()
    together, alone = encoded(public, texts), encoded(public, texts[4:5])
    torch.testing.assert_close(together.logits[4:5], alone.logits, atol=1e-5, rtol=1e-4)


def test_equal_sentences_are_kept_once(public):
    made = encoded(public, ["No effusion. Heart normal.", "Heart normal. No effusion."])
    assert len(made.ids) == len(made.vectors) == 2
    assert made.sentences.tolist() == [0, 1, 1, 0]
    assert made.counts.tolist() == [2, 2]
    np.testing.assert_array_equal(
        made.rules,
        rules.features(["No effusion. Heart normal."] * 2, small_public.dataset().label_names),
    )


def test_a_report_without_a_sentence_is_one_all_the_same(public):
    made = encoded(public, ["", "History: cough."])
    assert made.counts.tolist() == [1, 1]
    assert made.logits.isfinite().all()


def test_reports_are_read_as_they_were_written(public, tmp_path):
    made = encoded(public, small_public.texts())
    encoding.write(made, tmp_path / "encoded.safetensors")
    for one, other in zip(made, encoding.read(tmp_path / "encoded.safetensors"), strict=True):
        assert torch.equal(one, other) and one.dtype == other.dtype
