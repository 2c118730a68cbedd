"""What a run loses that is killed at any moment: images since its last save, and no bit more."""

import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import sleep

import numpy as np
import torch
from safetensors.torch import load_file

from phantomloom.benchmark import Row
from phantomloom.gan.cost import Noise
from phantomloom.gan.progress import shown
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import module_of
from phantomloom.gan.training import train

SHAPE = Shape(16, 1, 2)
SAVE_EVERY = 256  # images
BUDGET = 5 * SAVE_EVERY
WAIT = 0.002  # seconds between looks at a run


def of_kills(variant: str, kills: int, folder: Path) -> list[Row]:
    """Return what a small run loses that is killed so many times, beside one that is not.

    Forked: this process must not have made gradients or computed in several threads before.
    """
    whole, killed = folder / "whole", folder / "killed"
    _finish(_started(variant, whole))
    lost = [_kill(_started(variant, killed), killed, moment) for moment in _moments(kills)]
    _finish(_started(variant, killed))
    one, other = (load_file(way / "generator.safetensors") for way in (whole, killed))
    apart = max(float((one[name] - other[name]).abs().max()) for name in one)
    title = f"{variant}, killed {kills} times and resumed"
    against = f"saved every {SAVE_EVERY}"
    return [
        Row(f"{title}: most images lost", max(lost), "images", SAVE_EVERY, "lower", against),
        Row(f"{title}: weights apart", apart, "", 0, "lower", "a run that was not killed"),
    ]


def _moments(kills: int) -> Iterator[int]:
    """Yield images after which to kill, in ever later parts of the budget."""
    draw = np.random.default_rng(0)
    for part in range(kills):
        yield int(BUDGET * (part + draw.uniform(0.2, 0.9)) / kills)


def _started(variant: str, folder: Path) -> BaseProcess:
    process = get_context("fork").Process(target=_run, args=(variant, folder))
    process.start()
    return process


def _run(variant: str, folder: Path) -> None:
    few = {"images": BUDGET, "features": 4, "batch": 16, "progressive": False}
    every = {"save_every_images": SAVE_EVERY, "log_every_images": 16}
    settings = module_of(variant).DEFAULTS._replace(**few, **every)
    done = train(variant, Noise(SHAPE, 64), settings, folder)
    done.write(folder / "generator.safetensors")


def _kill(process: BaseProcess, folder: Path, moment: int) -> int:
    """Kill the run after ``moment`` images, or where it is by then; return the images lost."""
    while process.is_alive() and shown(folder / "log.jsonl") < moment:
        sleep(WAIT)
    process.kill()
    process.join()
    if process.exitcode != -signal.SIGKILL:
        raise RuntimeError(f"a run of {folder} ended by itself, with {process.exitcode}")
    states = list(folder.glob("state-*.pt"))
    saved = [torch.load(state, weights_only=True)["images"] for state in states]
    return shown(folder / "log.jsonl") - max(saved, default=0)


def _finish(process: BaseProcess) -> None:
    process.join()
    if process.exitcode:
        raise RuntimeError(f"a run that nobody disturbed ended with {process.exitcode}")
