"""The loop on a head of a few numbers: resume, budget, logs, and what it does without noise."""

import json
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from phantomloom.privacy import head as heads
from phantomloom.privacy import training
from phantomloom.privacy.accountant import Phase, epsilon_pld, noise_multiplier
from phantomloom.privacy.head import Cached, Head
from phantomloom.privacy.training import Budget, Plan, train

REPORTS, WIDTH = 60, 4
VECTORS = torch.randn(REPORTS, WIDTH, generator=torch.Generator().manual_seed(0))
TARGETS = (VECTORS[:, :2] > 0).float()
UNITS = [np.array([i]) for i in range(REPORTS)]
PLAN = Plan(6, 0.3, 1.0, 2.0, 0.5, momentum=0.5, average_last=3, rows_at_once=7, seed=5)


def learner():
    counts, none = np.ones(REPORTS, int), torch.zeros(REPORTS, 0)
    data = Cached(VECTORS, counts, none, torch.zeros(REPORTS, 2))
    return heads.learner(Head(WIDTH, 2, "attention"), data, TARGETS)


def die_at(monkeypatch, step):
    """Kill the run at the moment when ``step`` is saved, before or after."""
    keep = training._Run.save

    def save(self, state):
        if self.step == step:
            raise KeyboardInterrupt
        keep(self, state)

    monkeypatch.setattr(training._Run, "save", save)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("killed_at", [1, 4, 6])
def test_a_killed_run_ends_with_the_same_weights_and_epsilon(
    tmp_path, monkeypatch, killed_at, optimiser
):
    plan = PLAN._replace(optimiser=optimiser, save_every=2 if killed_at == 4 else 1)
    whole = train(learner(), UNITS, plan, tmp_path / "whole")
    with monkeypatch.context() as patched:
        die_at(patched, killed_at)
        with pytest.raises(KeyboardInterrupt):
            train(learner(), UNITS, plan, tmp_path / "killed")
    resumed = train(learner(), UNITS, plan, tmp_path / "killed")
    assert torch.equal(resumed.parameters, whole.parameters)
    assert resumed.ledger == whole.ledger == (Phase(0.3, 2.0, 6),)
    for log in ("log.jsonl", "private.jsonl"):
        assert lines(tmp_path / "killed" / log) == lines(tmp_path / "whole" / log)


def test_a_killed_release_goes_on_with_what_it_has_spent(tmp_path, monkeypatch):
    plan = PLAN._replace(seed=None)
    with monkeypatch.context() as patched:
        die_at(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            train(learner(), UNITS, plan, tmp_path)
    steps = []
    resumed = train(learner(), UNITS, plan, tmp_path, watch=lambda step, _: steps.append(step))
    assert steps == [3, 4, 5]
    assert resumed.ledger == (Phase(0.3, 2.0, 6),)


def test_half_a_line_in_the_log_of_a_killed_run_is_dropped(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        die_at(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            train(learner(), UNITS, PLAN, tmp_path)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "ra')
    train(learner(), UNITS, PLAN, tmp_path)
    assert [line["step"] for line in lines(tmp_path / "log.jsonl")] == [1, 2, 3, 4, 5, 6]


def test_a_run_stops_before_it_passes_its_budget(tmp_path, monkeypatch):
    plan = PLAN._replace(steps=9, rate=1, noise_multiplier=noise_multiplier(1, 1e-3, 1, 5))
    done = train(learner(), UNITS, plan, tmp_path / "whole", Budget(1, 1e-3))
    assert done.steps == 5
    assert 0.99 < epsilon_pld(done.ledger, 1e-3) <= 1
    with monkeypatch.context() as patched:
        die_at(patched, 3)
        with pytest.raises(KeyboardInterrupt):
            train(learner(), UNITS, plan, tmp_path / "killed", Budget(1, 1e-3))
    resumed = train(learner(), UNITS, plan, tmp_path / "killed", Budget(1, 1e-3))
    assert torch.equal(resumed.parameters, done.parameters)
    assert resumed.ledger == done.ledger


def test_a_second_phase_adds_to_what_the_first_has_spent(tmp_path):
    first = train(learner(), UNITS, PLAN, tmp_path / "first")
    second = train(learner(), UNITS, PLAN._replace(rate=1), tmp_path / "second", spent=first.ledger)
    assert second.ledger == (Phase(0.3, 2.0, 6), Phase(1, 2.0, 6))


def other_texts():
    counts, none = np.ones(REPORTS, int), torch.zeros(REPORTS, 0)
    data = Cached(VECTORS.flip(0), counts, none, torch.zeros(REPORTS, 2))
    return heads.learner(Head(WIDTH, 2, "attention"), data, TARGETS)


def other_labels():
    its = learner()
    its.targets = 1 - TARGETS
    return its


@pytest.mark.parametrize("other", [other_texts, other_labels])
def test_other_data_never_goes_on_from_a_finished_run(tmp_path, other):
    first = train(learner(), UNITS, PLAN, tmp_path / "same").parameters
    again = train(other(), UNITS, PLAN, tmp_path / "same").parameters
    assert not torch.equal(again, first)
    assert torch.equal(again, train(other(), UNITS, PLAN, tmp_path / "fresh").parameters)


def test_a_run_on_a_gpu_goes_on_without_one(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(torch.serialization, "location_tag", lambda _storage: "cuda:0")
        done = train(learner(), UNITS, PLAN, tmp_path)
    again = train(learner(), UNITS, PLAN, tmp_path)
    assert torch.equal(again.parameters, done.parameters)


def test_what_may_be_let_out_does_not_depend_on_the_data(tmp_path):
    train(learner(), UNITS, PLAN, tmp_path / "one")
    other = learner()
    other.targets = 1 - TARGETS
    train(other, UNITS, PLAN, tmp_path / "two")
    assert lines(tmp_path / "one/log.jsonl") == lines(tmp_path / "two/log.jsonl")
    assert lines(tmp_path / "one/private.jsonl") != lines(tmp_path / "two/private.jsonl")


def test_what_must_go_on_from_its_state_is_not_trained_without_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone, or of another machine"):
        train(learner(), UNITS, PLAN, tmp_path, resume=True)
    once = train(learner(), UNITS, PLAN, tmp_path)
    again = train(learner(), UNITS, PLAN, tmp_path, resume=True)
    assert torch.equal(once.parameters, again.parameters) and once.ledger == again.ledger


def test_without_noise_and_within_the_clip_it_is_gradient_descent(tmp_path):
    """Against a logistic regression in plain autograd; the mean of the last three iterates."""
    plan = Plan(5, 1, None, 0.0, 0.7, average_last=3, seed=0)
    done = train(learner(), UNITS, plan, tmp_path / "plain")
    clipped = plan._replace(clip=1e3, clipping="flat")
    same = train(learner(), UNITS, clipped, tmp_path / "clipped")
    torch.testing.assert_close(done.parameters, same.parameters, rtol=1e-4, atol=1e-6)
    weight, bias = torch.zeros(2, WIDTH, requires_grad=True), torch.zeros(2, requires_grad=True)
    iterates = []
    for _ in range(5):
        loss = binary_cross_entropy_with_logits(VECTORS @ weight.T + bias, TARGETS)
        for value, slope in zip(
            (weight, bias), torch.autograd.grad(loss, (weight, bias)), strict=True
        ):
            value.data -= 0.7 * slope
        iterates.append(torch.cat([weight.detach().flatten(), bias.detach()]))
    expected = torch.stack(iterates[-3:]).mean(0)
    torch.testing.assert_close(done.parameters[: len(expected)], expected, rtol=1e-4, atol=1e-6)
    all_of_them = train(learner(), UNITS, plan._replace(average_last=9), tmp_path / "longer")
    expected = torch.stack(iterates).mean(0)  # no part of it the start
    torch.testing.assert_close(
        all_of_them.parameters[: len(expected)], expected, rtol=1e-4, atol=1e-6
    )
    assert epsilon_pld(done.ledger, 1e-5) == epsilon_pld(same.ledger, 1e-5) == math.inf


def test_empty_batches_are_steps_of_noise_alone(tmp_path):
    done = train(learner(), UNITS, PLAN._replace(rate=1e-9), tmp_path)
    assert done.ledger == (Phase(1e-9, 2.0, 6),)
    assert [line["units"] for line in lines(tmp_path / "private.jsonl")] == [0] * 6


def test_a_patients_reports_count_as_one_unit(tmp_path):
    """With one patient, the sum of all reports moves the parameters by the clip norm at most."""
    totals = []
    plan = Plan(1, 1, 0.5, 0.0, 0.1, seed=0, rows_at_once=7)
    everyone = [np.arange(REPORTS)]
    train(learner(), everyone, plan, tmp_path, watch=lambda _, total: totals.append(total))
    assert 0.4 < float(totals[0].norm()) <= 0.5


def test_seeded_runs_repeat_and_releases_do_not(tmp_path):
    def run(name, seed):
        return train(learner(), UNITS, PLAN._replace(seed=seed), tmp_path / name).parameters

    assert torch.equal(run("a", 1), run("b", 1))
    assert not torch.equal(run("c", 2), run("a", 1))
    assert not torch.equal(run("d", None), run("e", None))


def test_it_learns(tmp_path):
    plan = Plan(40, 1, 1.0, 0.5, 2.0, average_last=10, seed=0)
    model = learner()
    before = model.losses(np.arange(REPORTS)).mean()
    train(model, UNITS, plan, tmp_path)
    assert model.losses(np.arange(REPORTS)).mean() < 0.6 * before


def test_parameters_that_never_move_are_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="6 steps have not moved the parameters"):
        train(learner(), UNITS, PLAN._replace(learning_rate=0.0), tmp_path)


def test_settings_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(ValueError, match="optimiser is sgd or adam, not 'lamb'"):
        train(learner(), UNITS, PLAN._replace(optimiser="lamb"), tmp_path)
    with pytest.raises(ValueError, match="without clip is not private"):
        train(learner(), UNITS, PLAN._replace(clip=None), tmp_path, Budget(1, 1e-5))
