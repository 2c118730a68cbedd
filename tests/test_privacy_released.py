import re

import numpy as np
import pytest
import small_public
import torch
from scipy.stats import norm

from phantomloom.privacy import card, classify, encoding, released, spending
from phantomloom.privacy.method import Method
from phantomloom.privacy.sampling import rows_of_units

HEAD = {"trains": "head", "directions": 4, "steps": 2, "clip": 0.1, "learning_rate": 0.5}
ADAPTER = {"rank": 2, "alpha": 4, "target_modules": ["query", "value"], "layers": [2]}
METHODS = [HEAD, HEAD | {"trains": "lora", "adapter": ADAPTER}]
SPENT = {"epsilon": {"pld": 0.99, "prv": 1.0, "rdp": 1.2}, "delta": 1e-4, "units": 12}
SPENT |= {"rate": 1.0, "steps": 2, "noise_multiplier": 3.0}


def save_start(folder):
    """Leave a small language model as users have them."""
    small_public.encoder().save_pretrained(folder)
    small_public.tokenizer().save_pretrained(folder)


@pytest.fixture(scope="module", params=METHODS, ids=["head", "lora"])
def given(request, tmp_path_factory):
    """A release in a folder, and what its training says of the reports."""
    folder = tmp_path_factory.mktemp("release")
    model = small_public.model(folder / "state")
    names, texts = small_public.dataset().label_names, small_public.texts()
    encoded = encoding.encode(model, texts, names, small_public.LONGEST)
    units, method = rows_of_units(range(len(texts))), Method.of(request.param)
    targets = small_public.labels()
    learner, _ = classify.run(model, encoded, targets, units, method, 0.5, folder / "run", 1)
    terms = released.Terms(
        "small", "mine", names, request.param, small_public.LONGEST, False, SPENT
    )
    released.write(released.Released(model, released.learnt(learner), terms), folder / "given")
    return folder / "given", classify.probabilities(learner, np.arange(len(texts)))


def test_what_is_released_says_what_was_learnt(given):
    folder, expected = given
    back = released.read(folder, small_public.encoder(), small_public.tokenizer())
    released.confirm(back, small_public.texts(), expected)


def test_a_release_whose_weights_stayed_behind_is_noticed(given):
    folder, expected = given
    back = released.read(folder, small_public.encoder(), small_public.tokenizer())
    still = {name: 0 * weights for name, weights in back.learnt.items()}
    with pytest.raises(RuntimeError, match="read back, the model's probabilities differ"):
        released.confirm(back._replace(learnt=still), small_public.texts(), expected)


def test_a_folder_without_a_release_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors in it; name the folder"):
        released.terms(tmp_path)


def test_the_card_states_what_epsilon_covers(given):
    text = card.card(released.terms(given[0]), "patient")
    for said in ("0.99 (privacy loss distributions), 0.0001", "1.2 (RDP)", "one patient, added"):
        assert said in text
    assert "several reports of one patient" not in text


def test_the_card_states_epsilon_of_patients_with_several_reports(given):
    """Balle and Wang 2018, theorem 8: delta of what the card says is its delta."""
    text = " ".join(card.card(released.terms(given[0]), "report").split())
    told = re.search(r"has epsilon ([\d.]+) with 2 of them and ([\d.]+) with 10", text)
    assert told
    for reports, epsilon in zip((2, 10), map(float, told.groups()), strict=True):
        mu = reports * SPENT["steps"] ** 0.5 / SPENT["noise_multiplier"]
        first, second = norm.cdf([mu / 2 - epsilon / mu, -mu / 2 - epsilon / mu])
        assert first - np.exp(epsilon) * second == pytest.approx(SPENT["delta"], rel=0.01)


def test_a_release_means_the_same_where_singular_vectors_turn_out_the_other_way(given, monkeypatch):
    folder, expected = given
    svd = torch.linalg.svd

    def turned(*args, **kwargs):  # as valid: signs are the library's choice
        u, s, vh = svd(*args, **kwargs)
        return -u, s, -vh

    monkeypatch.setattr(torch.linalg, "svd", turned)
    back = released.read(folder, small_public.encoder(), small_public.tokenizer())
    released.confirm(back, small_public.texts(), expected)


def test_a_release_of_another_origin_is_refused(tmp_path):
    model = tmp_path / "model.safetensors"
    assert not spending.resumes(tmp_path, model, "a")
    spending.record(tmp_path, "a", 1.0)
    assert spending.resumes(tmp_path, model, "a")
    with pytest.raises(ValueError, match="have been released at epsilon 1, from other data"):
        spending.resumes(tmp_path, model, "b")
    model.touch()
    with pytest.raises(ValueError, match=r"there, but not .*spent\.json, which says what it has"):
        spending.resumes(tmp_path / "elsewhere", model, "a")
