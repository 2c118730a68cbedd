import numpy as np
import pytest
import small_public
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from phantomloom.privacy import classify, encoding
from phantomloom.privacy.accountant import Phase, epsilon_pld
from phantomloom.privacy.method import TRAINS, Adapter, Method, chosen
from phantomloom.privacy.sampling import rows_of_units
from phantomloom.privacy_settings import HEAD as HEAD_UNSAID

ROWS = np.arange(small_public.REPORTS)
UNITS = rows_of_units(ROWS.tolist())
HEAD = Method("head", directions=5, steps=2, clip=0.1, learning_rate=0.5)
LORA = HEAD._replace(trains="lora", adapter=Adapter(2, 4, ("query", "value"), (2,)))


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    public = small_public.model(tmp_path_factory.mktemp("public"))
    names = small_public.dataset().label_names
    made = encoding.encode(public, small_public.texts(), names, small_public.LONGEST)
    return public, made, 1 - small_public.labels()


@pytest.mark.parametrize("trains", TRAINS)
def test_every_method_starts_from_the_public_model(given, tmp_path, trains):
    method = LORA._replace(trains=trains, learning_rate=1e-12, steps=1)
    learner, _ = classify.run(*given, UNITS, method, None, tmp_path, seed=1)
    expected = given[1].logits.sigmoid().double().numpy()
    np.testing.assert_allclose(classify.probabilities(learner, ROWS), expected, atol=1e-5)


@pytest.mark.parametrize("trains", ["head", "lora", "full"])
def test_without_privacy_each_method_learns(given, tmp_path, trains):
    method = LORA._replace(trains=trains, steps=25, optimiser="adam", learning_rate=2e-2)
    learner, trained = classify.run(*given, UNITS, method, None, tmp_path, seed=1)
    before = binary_cross_entropy_with_logits(given[1].logits, given[2])
    assert learner.losses(ROWS).mean() < 0.8 * before
    assert trained.ledger == (Phase(1.0, 0.0, 25),)


def test_head_and_adapter_take_the_same_first_step_where_the_adapter_is_still(given, tmp_path):
    still = LORA._replace(steps=1, adapter=LORA.adapter._replace(alpha=0.0))
    one, _ = classify.run(*given, UNITS, HEAD._replace(steps=1), None, tmp_path / "head", seed=1)
    other, _ = classify.run(*given, UNITS, still, None, tmp_path / "lora", seed=1)
    torch.testing.assert_close(one.logits(ROWS), other.logits(ROWS), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("method", [HEAD, LORA, LORA._replace(units=4)])
def test_private_runs_charge_every_step(given, tmp_path, method):
    _, trained = classify.run(*given, UNITS, method, 3.0, tmp_path, seed=1)
    assert trained.ledger == (Phase(1.0 if method.units is None else 1 / 3, 3.0, 2),)


@pytest.mark.parametrize("units", [None, 40])
def test_a_method_keeps_its_steps_within_a_budget_and_no_further(units):
    noise = HEAD._replace(units=units, steps=7).within(0.5, 900)
    assert noise[:4] == (900, 900**-1.1, 1.0 if units is None else 40 / 900, 7)
    spent = epsilon_pld((Phase(noise.rate, noise.noise_multiplier, 7),), noise.delta)
    assert 0.49 < spent <= 0.5


def test_an_adapter_goes_on_from_a_head(given, tmp_path):
    head, _ = classify.run(*given, UNITS, HEAD, None, tmp_path / "head", seed=1)
    still = LORA._replace(learning_rate=1e-12, first=HEAD)
    lora, _ = classify.run(*given, UNITS, still, None, tmp_path / "lora", seed=1)
    torch.testing.assert_close(lora.logits(ROWS), head.logits(ROWS), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "other",
    [
        HEAD._replace(gain=0.5),
        HEAD._replace(whiten=True),
        LORA._replace(gain=0.5),
        LORA._replace(adapter=Adapter(2, 8, ("query", "value"), (2,))),
        LORA._replace(adapter=Adapter(2, 4, ("query", "value"), (1,))),
    ],
)
def test_a_method_never_goes_on_from_a_run_of_another(given, tmp_path, other):
    first = HEAD if other.trains == "head" else LORA
    classify.run(*given, UNITS, first, None, tmp_path / "same", seed=1)
    again, _ = classify.run(*given, UNITS, other, None, tmp_path / "same", seed=1)
    fresh, _ = classify.run(*given, UNITS, other, None, tmp_path / "fresh", seed=1)
    assert torch.equal(again.logits(ROWS), fresh.logits(ROWS))


def test_the_directions_go_to_the_device_with_the_classifier(given):
    public, made, targets = given
    module = classify.start(public, made, targets, LORA).module.to("meta")
    inputs = [
        part.to("meta")
        for part in next(encoding.batches(encoding.as_tokens(made, public.trust), made.vectors))
    ]
    assert module.head(*inputs).device.type == "meta"


def test_a_row_of_the_config_is_a_method():
    adapter = {"rank": 2, "alpha": 4, "target_modules": ["query"], "layers": "all"}
    first = {"trains": "head", "steps": 3}
    method = Method.of({"trains": "lora", "adapter": adapter, "first": first})
    assert method == Method(
        "lora", adapter=Adapter(2, 4, ("query",)), first=Method("head", steps=3)
    )


def test_what_the_config_takes_for_a_head_that_says_nothing_is_what_a_method_takes():
    assert Method("head")._asdict() | HEAD_UNSAID == Method("head")._asdict()


def test_the_row_is_chosen_by_epsilon_times_units():
    rows = [{"up_to": 100, "steps": 1}, {"up_to": 1000, "steps": 2}, {"steps": 3}]
    reached = [(None, 7), (0.01, 5000), (0.1, 1000), (0.1, 1001), (10, 100), (1, 1001)]
    steps = [chosen(rows, epsilon, units)["steps"] for epsilon, units in reached]
    assert steps == [1, 1, 1, 2, 2, 3]
    assert chosen(rows, 1, 1) == {"steps": 1}
    with pytest.raises(ValueError, match=r"up_to reaches 2000, which is epsilon 2 times 1000"):
        chosen(rows[:2], 2, 1000)


def test_a_patient_counts_once_whatever_the_reports(given, tmp_path):
    """One step moves by the clip at most, however many reports the one patient has."""
    whole = HEAD._replace(steps=1, learning_rate=1.0, clip=1e-3)
    _, trained = classify.run(*given, [ROWS], whole, 1e-9, tmp_path, seed=1)
    assert float(trained.parameters.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_labels_that_are_not_known_teach_nothing(given, tmp_path):
    public, made, targets = given
    unknown = targets.clone()
    unknown[:, 3] = torch.nan
    learner, _ = classify.run(public, made, unknown, UNITS, HEAD, None, tmp_path, seed=1)
    torch.testing.assert_close(learner.logits(ROWS)[:, 3], made.logits[:, 3])
    assert not torch.equal(learner.logits(ROWS)[:, 2], made.logits[:, 2])


def test_methods_that_cannot_be_are_named(given, tmp_path):
    with pytest.raises(ValueError, match="trains is one of nothing, head, lora, full, not 'tail'"):
        classify.run(*given, UNITS, HEAD._replace(trains="tail"), None, tmp_path)
    with pytest.raises(ValueError, match="full fine-tuning has no private run"):
        classify.run(*given, UNITS, HEAD._replace(trains="full"), 1.0, tmp_path)
    with pytest.raises(ValueError, match="a private run has one method"):
        classify.run(*given, UNITS, HEAD._replace(first=HEAD), 1.0, tmp_path)
    with pytest.raises(ValueError, match="a private run needs a clip"):
        classify.run(*given, UNITS, HEAD._replace(clip=None), 1.0, tmp_path)
    for other in ({"directions": 4}, {"whiten": True}, {"gain": 0.5}, {"trains": "nothing"}):
        wrong = LORA._replace(first=HEAD._replace(**other))
        with pytest.raises(ValueError, match="first trains the head that the method goes on from"):
            classify.run(*given, UNITS, wrong, None, tmp_path)
    with pytest.raises(ValueError, match="lora needs an adapter"):
        classify.run(*given, UNITS, HEAD._replace(trains="lora"), None, tmp_path)
