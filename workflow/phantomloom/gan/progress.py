"""How a run is followed: a log of JSON lines, one for every so many images."""

import logging
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from phantomloom.gan.schedule import Growth, factors
from phantomloom.gan.settings import Settings, Shape
from phantomloom.io import lines

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
        if path is not None and images:
            lines.forget(path, "images", images)
        elif path is not None:  # the run begins anew, and so does its log
            path.unlink(missing_ok=True)

    def begin(self, variant: str, shape: Shape, settings: Settings) -> None:
        """Say what is run, and by which factors it differs from the paper's."""
        told = {"variant": variant, "shape": vars(shape), "settings": settings._asdict()}
        told |= {"factors": factors(shape.size, settings)._asdict()}
        said.info("%s", told)
        if self.path is not None and not lines.read(self.path):
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
            lines.add(self.path, line)
