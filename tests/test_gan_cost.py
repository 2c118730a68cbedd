"""What generators cost is measured on the steps of training themselves."""

import numpy as np
import pytest
import torch

from phantomloom.gan import cost, step
from phantomloom.gan.run import Run
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import module_of

SHAPE = Shape(8, 1, 2)


def settings(name, **changes):
    return module_of(name).DEFAULTS._replace(**{"features": 4, "batch": 4} | changes)


@pytest.mark.parametrize("name", ["mask_embedding", "modern"])
def test_a_plain_step_changes_both_networks_as_ours_does(name, monkeypatch):
    """With the same noise for both; each step draws 8 images and the mixing of a penalty."""
    without = settings(
        name, augmentation=(), mixed_precision=False, average_images=0, learning_rate=0.01
    )
    its = cost.task(name, SHAPE, without)
    monkeypatch.setattr(step, "draws", lambda *_: torch.Generator().manual_seed(0))
    monkeypatch.setattr(step, "rows_at", lambda _shown, count, *_: np.arange(count))
    real_randn, runs = torch.randn, []

    def randn(*size, generator=None):
        return real_randn(*size, generator=torch.Generator().manual_seed(5))

    monkeypatch.setattr(torch, "randn", randn)
    for way in (cost.ours, cost.plain):
        run = Run(its)
        for optimiser in (run.networks.of_critic, run.networks.of_generator):
            optimiser.param_groups[0]["lr"] = 0.01
        way(its, run if way is cost.ours else run.networks)()
        runs.append(run.networks)
    assert all(p.requires_grad for p in runs[1].critic.parameters())
    for network in ("generator", "critic"):
        one, other = (getattr(networks, network).state_dict() for networks in runs)
        assert one.keys() == other.keys()
        for key, value in one.items():
            torch.testing.assert_close(value, other[key], rtol=1e-4, atol=1e-5)


def test_paces_are_positive_and_name_what_was_measured(monkeypatch):
    monkeypatch.setattr(cost, "SECONDS", 0.05)
    training, sampling = cost.paces("modern", SHAPE, settings("modern"))
    assert 0 < training.value < sampling.value
    assert training.figure == "modern, 8 x 8, 4 features: training"


def test_a_plain_loop_is_compared_in_turns(monkeypatch):
    spent = iter([9.0, 1.0, 2.0, 1.0, 3.0, 2.0, 4.0, 1.0])  # ours, plain; the first two go
    monkeypatch.setattr(cost, "_seconds", lambda _make: next(spent))
    row = cost.beside_a_plain_loop("modern", SHAPE, settings("modern"), turns=3)
    assert row.value == 2 and row.against == "median of 3 turns, 1.5 to 4"


def memories(_rank, path):
    """What a step takes that makes the batch in parts, and in one."""
    torch.set_num_threads(1)  # several do not survive a fork
    large, few = Shape(128, 1, 2), settings("mask_embedding", batch=16)
    rows = [cost.memory("mask_embedding", large, few._replace(at_once=n)) for n in (2, 16)]
    path.write_text(f"{rows[0].value} {rows[1].value} {rows[0].against}")


def test_a_step_in_parts_takes_less_memory(tmp_path):
    torch.multiprocessing.spawn(memories, (tmp_path / "told",))
    parts_mb, whole_mb, against = (tmp_path / "told").read_text().split(maxsplit=2)
    assert float(parts_mb) + 50 < float(whole_mb)
    assert against == "batch 16 in parts of 2"
