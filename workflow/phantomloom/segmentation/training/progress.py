"""How a training run is followed: a log of JSON lines, and Dice on patches kept aside."""

import logging
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phantomloom.io import lines
from phantomloom.segmentation.network import BlockUNet
from phantomloom.segmentation.training.samples import Patches

said = logging.getLogger("phantomloom.train")
LOG_EVERY = 20  # steps


def mean_dice(averaged: BlockUNet, shown: Patches, sizes: list[int]) -> float:
    """Return the mean Dice of a network over the classes that each patch shows.

    Of its scores as they are learnt; those of bundles are adjusted, see ``adjustment``.
    """
    device = averaged.head.weight.device
    found = []
    for sample in map(shown.__getitem__, range(len(shown))):
        with torch.no_grad():
            guess = averaged(sample.image[None].to(device))[0].cpu()
        for part, target, groups in zip(
            guess.split(sizes), sample.target.long(), sample.groups, strict=True
        ):
            best, count = groups[part.argmax(0)], int(groups.max()) + 1
            hit, both, true = (
                torch.bincount(voxels.flatten(), minlength=count)[1:]
                for voxels in (target[best == target], best, target)
            )
            dice = 2 * hit / (both + true).clamp(min=1)
            found += dice[true > 0].tolist()
    return round(float(np.mean(found)), 4)


class Log:
    """Lines of JSON: every 20 steps, and at the end, the losses and where the time went."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.waited, self.began = path, 0.0, perf_counter()
        self.losses: list[Tensor] = []
        lines.forget(path, "step", step)

    def timed(self, samples):
        """Yield ``samples``, noting how long each let the training wait."""
        iterator = iter(samples)
        while True:
            began = perf_counter()
            try:
                sample = next(iterator)
            except StopIteration:
                return
            self.waited += perf_counter() - began
            yield sample

    def add(self, step: int, steps: int, losses: Tensor, models: list[str]) -> None:
        """Note the losses of a step; write a line when it is time.

        Raises:
            FloatingPointError: if a loss is no finite number.
        """
        self.losses.append(losses)
        if not torch.isfinite(losses).all():
            raise FloatingPointError(f"the loss is {losses} at step {step}; lower learning_rate")
        if step % LOG_EVERY and step != steps:
            return
        spent = perf_counter() - self.began
        mean = torch.stack(self.losses).mean(0)
        its = {m: round(float(v), 4) for m, v in zip(models, mean, strict=True)}
        line = {
            "step": step,
            "loss": round(float(mean.mean()), 4),
            "losses": its,
            "seconds_per_step": round(spent / len(self.losses), 3),
            "waiting_share": round(self.waited / spent, 3),
        }
        said.info("step %d of %d, loss %.3f", step, steps, line["loss"])
        self.write(line)
        self.waited, self.began, self.losses = 0.0, perf_counter(), []

    @contextmanager
    def aside(self):
        """Let what is done meanwhile not count as time of the steps."""
        began = perf_counter()
        yield
        self.began += perf_counter() - began

    def write(self, line: dict[str, Any]) -> None:
        """Append a line."""
        lines.add(self.path, line)
