"""How a run is followed: a log of JSON lines, one for every so many images."""

import json
import logging
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from phantomloom.gan.schedule import Growth, factors
from phantomloom.gan.settings import Settings, Shape

said = logging.getLogger("phantomloom.gan")


class Losses(NamedTuple):
    """Means over a batch."""

    critic: float
    penalty: float
    generator: float


class Log:
    """Lines of how far a run is: mean losses since the last line, and images a second.

    Without ``path`` none are written.
    """

    def __init__(self, path: Path | None, images: int, every: int):
        self.path, self.every = path, every
        self.since, self.began = images, perf_counter()
        self.losses: list[Losses] = []
        if path is not None:
            forget(path, images)

    def begin(self, variant: str, shape: Shape, settings: Settings) -> None:
        """Say what is run, and by which factors it differs from the paper's."""
        told = {"variant": variant, "shape": vars(shape), "settings": settings._asdict()}
        told |= {"factors": factors(shape.size, settings)._asdict()}
        said.info("%s", told)
        if self.path is not None and not self.path.exists():
            self._write({"images": 0, **told})

    def add(self, step: int, images: int, growth: Growth, losses: Losses, now: bool) -> None:
        """Note the losses of a step; write a line when it is time, or ``now``."""
        self.losses.append(losses)
        if not now and images // self.every == self.since // self.every:
            return
        means = Losses(*np.mean(self.losses, axis=0).round(6).tolist())
        pace = (images - self.since) / (perf_counter() - self.began)
        line = {"images": images, "step": step, **growth._asdict(), **means._asdict()}
        self._write({**line, "images_per_second": round(pace, 2)})
        self.since, self.began, self.losses = images, perf_counter(), []

    def _write(self, line: dict[str, Any]) -> None:
        if self.path is not None:
            with self.path.open("a") as log:
                log.write(json.dumps(line) + "\n")


def shown(log: Path) -> int:
    """Return the images that the last whole line of a log tells of; 0 where there is none."""
    return json.loads(lines[-1])["images"] if (lines := _whole_lines(log)) else 0


def forget(log: Path, images: int) -> None:
    """Drop the lines of a log that come after so many images: those steps are made again.

    At none the run begins anew, and so does its log.
    """
    kept = [line for line in _whole_lines(log) if json.loads(line)["images"] <= images]
    if images and kept:
        log.write_text("".join(kept))
    else:
        log.unlink(missing_ok=True)


def _whole_lines(log: Path) -> list[str]:
    """Return the lines of a log, without half a one that a killed run may leave."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [line for line in lines if line.endswith("\n")]
