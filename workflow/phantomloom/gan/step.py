"""One step of training: the critic's, then the generator's, each on all parts of one batch.

All that is random comes from (seed, step, part), so that a resumed run, or one whose parts are
spread over several processes, draws the same.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phantomloom.gan import processes
from phantomloom.gan.augmentation import augmented
from phantomloom.gan.progress import Losses
from phantomloom.gan.resolution import faded, shrunk
from phantomloom.gan.run import Networks, Task
from phantomloom.gan.schedule import Growth

PASS, FLIP, CRITIC, GENERATOR = range(4)  # what is drawn
LESS_AT_MOST = 4  # small images take so many times less than large ones, as masks stay large


class Batch(NamedTuple):
    """The rows [B] of a step of the run."""

    step: int
    rows: np.ndarray
    growth: Growth


class Part(NamedTuple):
    """A part of a batch: images [b, C, r, r] and masks [b, K, R, R] on the device."""

    number: int
    real: Tensor
    masks: Tensor


def make(task: Task, networks: Networks, batch: Batch) -> Losses:
    """Make one step of the critic and one of the generator.

    Raises:
        FloatingPointError: if a loss or a gradient is no finite number; that network is as before.
    """
    parts = _parts(task, batch)

    def critic_loss(part: Part) -> tuple[Tensor, ...]:
        draw = draws(task.settings.seed, CRITIC, batch.step, part.number)
        with torch.no_grad():
            fake, real, masks = _seen(task, networks, part, batch.growth, draw)
        with _precision(task):
            return task.variant.critic_loss(
                networks.critic, fake, real, masks, batch.growth, task.settings, draw
            )

    def generator_loss(part: Part) -> tuple[Tensor, ...]:
        draw = draws(task.settings.seed, GENERATOR, batch.step, part.number)
        fake, real, masks = _seen(task, networks, part, batch.growth, draw)
        with _precision(task):
            return (task.variant.generator_loss(networks.critic, fake, real, masks, batch.growth),)

    critic, penalty = _descend(networks.critic, networks.of_critic, critic_loss, parts)
    networks.critic.requires_grad_(False)
    (generator,) = _descend(networks.generator, networks.of_generator, generator_loss, parts)
    networks.critic.requires_grad_(True)
    return Losses(critic, penalty, generator)


def _descend(
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    losses: Callable[[Part], tuple[Tensor, ...]],
    parts: list[Part],
) -> list[float]:
    """Make a step along the mean gradient of the first loss; return the mean of each."""
    optimiser.zero_grad()
    observed = []
    for part in parts:
        each = losses(part)
        (each[0] / len(parts)).backward()
        observed.append(torch.stack([loss.detach() for loss in each]))
    means = processes.mean(torch.stack(observed).mean(0)).tolist()
    if not np.isfinite(means).all():
        raise FloatingPointError(f"the loss of the {type(network).__name__.lower()} is {means[0]}")
    processes.average_gradients(network.parameters())
    slopes = [value.grad for value in network.parameters() if value.grad is not None]
    if not torch.nn.utils.get_total_norm(slopes).isfinite():
        raise FloatingPointError(f"the gradient of the {type(network).__name__.lower()} overflows")
    optimiser.step()
    return means


def _parts(task: Task, batch: Batch) -> list[Part]:
    """Return this process's parts, all of one size that memory holds."""
    count = part_count(len(batch.rows), batch.growth.size, task)
    mine = np.array_split(np.arange(count), processes.count())[processes.rank()]
    rows = np.split(batch.rows, count)
    return [Part(int(n), *_drawn(task, batch, int(n), rows[n])) for n in mine]


def part_count(batch: int, size: int, task: Task) -> int:
    """Return in how many parts a batch at ``size`` is made: as many in each process.

    Raises:
        ValueError: if there is no such number.
    """
    together = processes.count()
    most = task.settings.at_once * min(task.shape.size // size, LESS_AT_MOST)
    least = task.variant.LEAST_PART
    for count in range(together, batch // least + 1, together):
        if batch % count == 0 and batch // count <= most:
            return count
    raise ValueError(
        f"gan: {together} processes cannot share a batch of {batch} at {size} x {size} in equal "
        f"parts of {least} to {most} images; raise at_once, now {task.settings.at_once}, or batch, "
        f"now {task.settings.batch}, to a number with more divisors, or give the rule fewer GPUs"
    )


def _drawn(task: Task, batch: Batch, number: int, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return images as sharp as the network is grown, and masks."""
    images, masks = task.data.scaled(rows), task.data.one_hot(rows)
    if task.settings.flips:
        draw = draws(task.settings.seed, FLIP, batch.step, number)
        coin = torch.rand(len(rows), 1, 1, 1, generator=draw) < 0.5
        images = torch.where(coin, images.flip(3), images)
        masks = torch.where(coin, masks.flip(3)[:, mirrored(task.data.about.class_names)], masks)
    images = faded(shrunk(images, batch.growth.size), batch.growth.alpha)
    placed = [x.to(task.device, memory_format=torch.channels_last) for x in (images, masks)]
    return placed[0], placed[1]


def mirrored(class_names: Sequence[str]) -> list[int]:
    """Return for each class the place of its mirror image: l_eye's of r_eye, by their names."""
    names = list(class_names)
    return [
        names.index(other) if (other := _partner(name)) in names else n
        for n, name in enumerate(names)
    ]


def _partner(name: str) -> str:
    for one, other in (("l_", "r_"), ("r_", "l_"), ("left_", "right_"), ("right_", "left_")):
        if name.startswith(one):
            return other + name.removeprefix(one)
    for one, other in (("_left", "_right"), ("_right", "_left")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name


def _seen(
    task: Task, networks: Networks, part: Part, growth: Growth, draw: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return generated images, real ones and masks as the critic sees them."""
    size = len(part.masks), int(networks.generator.noise_size)  # type: ignore[arg-type]
    noise = torch.randn(size, generator=draw).to(task.device)
    with _precision(task):
        fake = networks.generator(part.masks, noise, growth).float()
    kinds, strength = task.settings.augmentation, task.settings.augmentation_strength
    (fake, real), masks = augmented((fake, part.real), part.masks, kinds, strength, draw)
    return fake, real, masks


def _precision(task: Task) -> AbstractContextManager:
    """Return the context that networks run in: bfloat16 where wanted and the device has it."""
    kind = torch.device(task.device).type
    if not task.settings.mixed_precision:
        return nullcontext()
    able = (
        torch.cuda.is_bf16_supported(including_emulation=False)
        if kind == "cuda"
        else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return torch.autocast(kind, torch.bfloat16, enabled=able)


def rows_at(shown: int, count: int, rows: int, seed: int) -> np.ndarray:
    """Return the next ``count`` of ``rows`` after ``shown``; every pass has an order of its own."""
    passes = range(shown // rows, (shown + count - 1) // rows + 1)
    order = [torch.randperm(rows, generator=draws(seed, PASS, number)) for number in passes]
    first = shown % rows
    return torch.cat(order)[first : first + count].numpy()


def draws(*numbers: int) -> torch.Generator:
    """Return a generator of random numbers, on the CPU, of its own for these numbers."""
    (seed,) = np.random.SeedSequence((len(numbers), *numbers)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seed))
