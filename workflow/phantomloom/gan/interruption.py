"""What a run loses that is killed at any moment: images since its last save, and no bit more."""

import signal
from ctypes import c_int
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from time import sleep

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from phantomloom.benchmark import Row
from phantomloom.gan.cost import Noise
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import module_of
from phantomloom.gan.training import train
from phantomloom.io import lines

SHAPE = Shape(16, 1, 2)
BATCH = 16
SAVE_EVERY = 256  # images
WAIT = 0.002  # seconds between looks at a run
FORK = get_context("fork")  # a new interpreter would run a job's script again


class Counted(Noise):
    """Noise that counts the images of whole batches that were asked for."""

    def __init__(self, counter: c_int):
        super().__init__(SHAPE, 4 * BATCH)
        self.counter = counter

    def scaled(self, rows: np.ndarray) -> Tensor:
        """Return images of ``rows``, float32 [B, C, R, R] in -1 to 1."""
        if len(rows) == BATCH:
            self.counter.value += BATCH
        return super().scaled(rows)


def of_kills(variant: str, kills: int, folder: Path) -> list[Row]:
    """Return what a small run loses that is killed so many times, and how it ends.

    Forked: this process must not have made gradients or computed in several threads before.
    """
    whole, killed = folder / "whole", folder / "killed"
    budget = (kills + 1) * SAVE_EVERY
    _run(variant, whole, budget)
    draw = np.random.default_rng(0)
    began, ended = [], []
    for part in range(kills + 1):  # in the last nobody kills it
        moment = int((part + draw.uniform()) * SAVE_EVERY) if part < kills else None
        made = _run(variant, killed, budget, moment)
        ended.append(_shown(killed))
        began.append(ended[-1] - made)
    lost = [end - again for end, again in zip(ended, began[1:], strict=False)]
    one, other = (load_file(way / "generator.safetensors") for way in (whole, killed))
    apart = max(float((one[name] - other[name]).abs().max()) for name in one)
    title = f"{variant}, killed {kills} times and resumed"
    most = SAVE_EVERY + BATCH  # that of the step in which it was killed
    against = f"saved every {SAVE_EVERY}, batch {BATCH}"
    return [
        Row(f"{title}: most images made again", max(lost), "images", most, "lower", against),
        Row(f"{title}: weights apart", apart, "", 0, "lower", "a run that was not killed"),
    ]


def _run(variant: str, folder: Path, budget: int, moment: int | None = None) -> int:
    """Run until the end, or until ``moment`` images and then kill; return the images made."""
    counter = RawValue(c_int, 0)  # a lock would stay taken by who is killed
    process = FORK.Process(target=_train, args=(variant, folder, budget, counter))
    process.start()
    if moment is not None:
        while process.is_alive() and _shown(folder) < moment:
            sleep(WAIT)
        process.kill()
    process.join()
    if process.exitcode != (0 if moment is None else -signal.SIGKILL):
        raise RuntimeError(f"the run in {folder} ended with {process.exitcode}")
    return counter.value


def _shown(folder: Path) -> int:
    """Return the images that the log tells of."""
    told = lines.read(folder / "log.jsonl")
    return told[-1]["images"] if told else 0


def _train(variant: str, folder: Path, budget: int, counter: c_int) -> None:
    few = {"images": budget, "features": 4, "batch": BATCH, "progressive": False}
    every = {"save_every_images": SAVE_EVERY, "log_every_images": BATCH}
    settings = module_of(variant).DEFAULTS._replace(**few, **every)
    done = train(variant, Counted(counter), settings, folder)
    done.write(folder / "generator.safetensors")
