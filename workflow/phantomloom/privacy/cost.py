"""What privacy costs a step of training: time and memory beside the same step without it.

All train one network: LoRA on every layer of an encoder and a head, a batch of 32 reports of 128
tokens, nothing cached. Ways take turns, so that the noise of a machine meets all of them.
"""

import copy
import gc
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from phantomloom.benchmark import Row
from phantomloom.memory import peaks_mb
from phantomloom.privacy import lora, rivals
from phantomloom.privacy.head import Head
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.lora import Classifier, Tokens
from phantomloom.privacy.method import Adapter
from phantomloom.privacy.rivals import CLIP, LEARNING_RATE, NOISE, Step, timed
from phantomloom.privacy.sampling import rows_of_units
from phantomloom.privacy.training import Plan, train

BATCH, TOKENS, LABELS = 32, 128, 14
ADAPTER = Adapter(8, 16, ("query", "value"))
TIME, MEMORY = 1.15, 1.3  # targets, times the step without privacy
STEPS = 2  # until a process has reached its peak


def learner(encoder: Any, reports: int = BATCH, tokens: int = TOKENS) -> Learner:
    """Return what every way trains; each report is one sentence of words by chance."""
    draw = torch.Generator().manual_seed(0)
    words = torch.randint(encoder.config.vocab_size, (reports, tokens), generator=draw)
    targets = torch.randint(2, (reports, LABELS), generator=draw).float()
    head = Head(encoder.config.hidden_size, LABELS, "logsumexp")
    classifier = Classifier(lora.adapt(copy.deepcopy(encoder), ADAPTER, seed=0), head)
    nothing = torch.zeros(reports, 0), torch.zeros(reports, LABELS)
    counts = np.ones(reports, int)
    return lora.learner(
        classifier, Tokens(words, torch.ones_like(words), counts, *nothing), targets
    )


def plain(its: Learner) -> Step:
    """Return a step without privacy, as anyone would write it."""
    inputs = its.batch(np.arange(len(its.targets)))
    optimiser = torch.optim.Adam(its.trained, LEARNING_RATE)
    loss = nn.BCEWithLogitsLoss()

    def step() -> None:
        optimiser.zero_grad()
        loss(its.module(*inputs), its.targets).backward()
        optimiser.step()

    return lambda: timed(step)


def private(its: Learner) -> Step:
    """Return a step of the training loop, noise from the operating system and all files written."""
    units = rows_of_units(range(len(its.targets)))
    plan = Plan(1, 1.0, CLIP, NOISE, LEARNING_RATE, optimiser="adam")

    def step() -> None:
        with TemporaryDirectory() as folder:
            train(its, units, plan, Path(folder))

    return lambda: timed(step)


def ways() -> dict[str, Callable[[Learner], Step]]:
    """Return by name what makes a step: without privacy, ours, and rivals that are installed."""
    found: dict[str, Callable[[Learner], Step]]
    found = {"plain": plain, "private": private, "opacus": rivals.opacus}
    return found | ({"dptrainer": rivals.dptrainer} if find_spec("dptrainer") else {})


def of_steps(encoder: nn.Module, rounds: int) -> list[Row]:
    """Return rows of time and memory of a private step of ``encoder`` beside other ways.

    Memory comes first: a process that has made gradients cannot hand torch to another.
    """
    steps = {name: make(learner(encoder)) for name, make in ways().items()}
    memory = {name: [growth_mb(step)] for name, step in steps.items()}
    for step in steps.values():
        step()
    gc.collect()
    turns = [{name: step() for name, step in steps.items()} for _ in range(rounds)]
    seconds = {name: [turn[name] for turn in turns] for name in steps}
    return [*_rows("time", "s", seconds, TIME), *_rows("memory", "MB", memory, MEMORY)]


def growth_mb(step: Callable[[], Any]) -> float:
    """Return by how much a few of ``step`` raise the peak memory of a process of their own, MB."""

    def work() -> None:
        for _ in range(STEPS):
            step()

    before, after = peaks_mb(work)
    return after - before


def _rows(what: str, unit: str, spent: Mapping[str, list[float]], target: float) -> list[Row]:
    """Return the median of each way, and of the ratios of the private one to others, by turn."""
    rows = [
        Row(
            f"step of {BATCH} x {TOKENS} tokens, {name}: {what}",
            median(its),
            unit,
            None,
            "lower",
            "",
        )
        for name, its in spent.items()
    ]
    targets = {"plain": target, "dptrainer": 1.0 if what == "time" else None}
    for name in spent.keys() - {"private"}:
        ratios = [ours / other for ours, other in zip(spent["private"], spent[name], strict=True)]
        against = f"median of {len(ratios)} turns, {min(ratios):.3g} to {max(ratios):.3g}"
        figure = f"private step over {name} step: {what}"
        rows.append(Row(figure, median(ratios), "times", targets.get(name), "lower", against))
    return rows
