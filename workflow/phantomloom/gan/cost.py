"""What a generator costs: images a second, time beside a plain loop, memory of a large step.

All on noise and random masks: neither takes longer where images are good. What is compared takes
turns, so that the noise of a machine meets both.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from phantomloom.benchmark import Row
from phantomloom.gan import training
from phantomloom.gan.pair import About
from phantomloom.gan.pairs import one_hot
from phantomloom.gan.run import Networks, Run, Task
from phantomloom.gan.schedule import Growth, Moment, fixed
from phantomloom.gan.settings import Settings, Shape
from phantomloom.gan.trained import Trained, module_of
from phantomloom.memory import peaks_mb

MEMORY_MB = 16_000  # of a step of the paper's networks at 512 x 512
SLOWER = 1.05  # times a plain loop: as long, within the noise of a machine
SECONDS = 2.0  # that a pace is measured for at least


class Noise:
    """``count`` images of noise with masks of noise, in memory: data that cost no time."""

    def __init__(self, shape: Shape, count: int):
        draw = np.random.default_rng(0)
        side = (count, shape.size, shape.size)
        self.numbers = draw.integers(shape.classes + 1, size=side, dtype=np.uint8)
        self.images = torch.from_numpy(
            draw.uniform(-1, 1, (count, shape.channels, *side[1:])).astype(np.float32)
        )
        self.names = tuple(f"noise {n}" for n in range(count))
        classes = tuple(f"class {n}" for n in range(shape.classes))
        self.about = About(0.0, 255.0, "grey", classes, None)

    def digest(self) -> str:
        """Return a digest; noise of one shape is always the same."""
        return str(self.numbers.shape)

    def scaled(self, rows: np.ndarray) -> Tensor:
        """Return images of ``rows``, float32 [B, C, R, R] in -1 to 1."""
        return self.images[rows]

    def one_hot(self, rows: np.ndarray) -> Tensor:
        """Return masks of ``rows``, float32 [B, K, R, R]."""
        return one_hot(self.numbers[rows], len(self.about.class_names))


def task(variant: str, shape: Shape, settings: Settings) -> Task:
    """Return a run of ``variant`` on a batch of noise, on the CPU."""
    return Task(module_of(variant), Noise(shape, settings.batch), shape, settings, "cpu")


def ours(its: Task, run: Run) -> Callable[[], object]:
    """Return what makes a step of the training loop at full size, with all that goes with it."""
    (phase,) = fixed(its.shape.size, its.settings._replace(images=its.settings.batch))
    moment = Moment(0, 0, phase, phase.growth(0), last=False)
    return lambda: training.advance(its, run, moment, Path("nothing"))


def plain(its: Task, networks: Networks) -> Callable[[], object]:
    """Return what makes the same step, as anyone would write it for one process and one part."""
    variant, growth, settings = its.variant, Growth(its.shape.size), its.settings
    rows = np.arange(settings.batch)
    noise_size = int(networks.generator.noise_size)  # type: ignore[arg-type]

    def make() -> None:
        draw = torch.Generator().manual_seed(0)
        real, masks = (
            values.contiguous(memory_format=torch.channels_last)
            for values in (its.data.scaled(rows), its.data.one_hot(rows))
        )
        with torch.no_grad():
            fake = networks.generator(masks, torch.randn(len(rows), noise_size), growth)
        loss = variant.critic_loss(networks.critic, fake, real, masks, growth, settings, draw)
        networks.of_critic.zero_grad()
        loss.total.backward()
        networks.of_critic.step()
        networks.critic.requires_grad_(False)
        fake = networks.generator(masks, torch.randn(len(rows), noise_size), growth)
        of_generator = variant.generator_loss(networks.critic, fake, real, masks, growth)
        networks.of_generator.zero_grad()
        of_generator.backward()
        networks.of_generator.step()
        networks.critic.requires_grad_(True)

    return make


def beside_a_plain_loop(variant: str, shape: Shape, settings: Settings, turns: int) -> Row:
    """Return how much longer a step of ours takes than a plain one, of what both can do."""
    bare = settings._replace(augmentation=(), mixed_precision=False, average_images=0)
    its = task(variant, shape, bare)
    run = Run(its)
    steps = ours(its, run), plain(its, run.networks)
    ratios = []
    for turn in range(turns + 1):
        spent = [_seconds(make) for make in steps]
        if turn:  # the first one is slower for both
            ratios.append(spent[0] / spent[1])
    figure = f"{variant} at {shape.size} x {shape.size}: step over a plain loop's"
    against = f"median of {turns} turns, {min(ratios):.3g} to {max(ratios):.3g}"
    return Row(figure, median(ratios), "times", SLOWER, "lower", against)


def paces(variant: str, shape: Shape, settings: Settings) -> Iterator[Row]:
    """Yield images a second of training and of sampling at full size."""
    its = task(variant, shape, settings)
    run, batch = Run(its), settings.batch
    title = f"{variant}, {shape.size} x {shape.size}, {settings.features} features"
    against = f"{torch.get_num_threads()} threads, batch {batch}, {shape.classes} classes"
    trained = _pace(ours(its, run), batch)
    yield Row(f"{title}: training", trained, "images/s", None, "higher", against)
    generator = Trained(run.average, variant, shape, settings, Growth(shape.size), its.data.about)
    masks, noise = its.data.one_hot(np.arange(batch)), torch.randn(batch, generator.noise_size)
    sampled = _pace(lambda: generator.sample(masks, noise), batch)
    yield Row(f"{title}: sampling", sampled, "images/s", None, "higher", against)


def memory(variant: str, shape: Shape, settings: Settings) -> Row:
    """Return the peak memory of a process that makes a training step, all of it counted."""

    def work() -> None:
        its = task(variant, shape, settings)
        ours(its, Run(its))()

    _, peak_mb = peaks_mb(work)
    figure = f"{variant}, {shape.size} x {shape.size}, {settings.features} features: training"
    against = f"batch {settings.batch} in parts of {min(settings.batch, settings.at_once)}"
    return Row(f"{figure}: memory", peak_mb, "MB", MEMORY_MB, "lower", against)


def _pace(make: Callable[[], object], images: int) -> float:
    """Return images a second of ``make``, after a first one that does not count."""
    make()
    count, began = 0, perf_counter()
    while (spent := perf_counter() - began) < SECONDS or not count:
        make()
        count += 1
    return count * images / spent


def _seconds(make: Callable[[], object]) -> float:
    began = perf_counter()
    make()
    return perf_counter() - began
