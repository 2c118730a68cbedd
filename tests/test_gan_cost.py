"""What generators cost is measured on the steps of training themselves."""

import torch

from phantomloom.gan import cost
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import module_of

SHAPE = Shape(8, 1, 2)


def settings(name, **changes):
    return module_of(name).DEFAULTS._replace(**{"features": 4, "batch": 4} | changes)


def test_a_plain_step_changes_both_networks_as_ours_does():
    """Both move every weight by as much: Adam's first step is the learning rate either way."""
    its = cost.task("mask_embedding", SHAPE, settings("mask_embedding"))
    for way in (cost.ours, cost.plain):
        run = cost.Run(its)
        for optimiser in (run.networks.of_critic, run.networks.of_generator):
            optimiser.param_groups[0]["lr"] = 0.5
        before = [[p.clone() for p in network.parameters()] for network in run.networks[:2]]
        way(its, run.networks)()
        for network, olds in zip(run.networks[:2], before, strict=True):
            moved = [
                (p - old).abs().max() for p, old in zip(network.parameters(), olds, strict=True)
            ]
            assert 0.49 < max(moved) < 0.51


def test_paces_are_positive_and_name_what_was_measured(monkeypatch):
    monkeypatch.setattr(cost, "SECONDS", 0.05)
    training, sampling = cost.paces("modern", SHAPE, settings("modern"))
    assert 0 < training.value < sampling.value
    assert training.figure == "modern, 8 x 8, 4 features: training"


def test_a_plain_loop_is_compared_in_turns():
    row = cost.beside_a_plain_loop("modern", SHAPE, settings("modern"), turns=3)
    assert 0.2 < row.value < 5 and "3 turns" in row.against


def memories(_rank, path):
    """A process that keeps 300 MB; the child's peak has them too, and what the step takes."""
    torch.set_num_threads(1)  # several do not survive a fork
    kept = torch.ones(75_000_000)
    row = cost.memory("mask_embedding", SHAPE, settings("mask_embedding", at_once=2))
    path.write_text(f"{row.value} {kept.sum()} {row.against}")


def test_memory_is_the_peak_of_a_process(tmp_path):
    torch.multiprocessing.spawn(memories, (tmp_path / "told",))
    peak_mb, _, against = (tmp_path / "told").read_text().split(maxsplit=2)
    assert 300 < float(peak_mb) < 3_000
    assert against == "batch 4 in parts of 2"
