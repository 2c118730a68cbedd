"""Which size, share of the newest block, batch and learning rate hold at each step of a run.

The numbers are of Ren et al. 2019 (arXiv 1907.01710): an epoch is 70,000 samples. It gives no
epochs and no batch for the first phase at 8 x 8; here they are those of the next fade. It gives
the ends of the learning rates, 1e-3 and 1.85e-3; here they rise by the same factor each phase.
"""

from collections.abc import Iterator
from typing import NamedTuple

from phantomloom.gan.settings import SIZES, Settings

EPOCH_IMAGES = 70_000
EPOCHS = {  # size: fading in, then stable
    8: (0, 40),
    16: (40, 95),
    32: (20, 60),
    64: (10, 26),
    128: (10, 26),
    256: (10, 26),
    512: (5, 30),
}
BATCH = {8: 128, 16: 128, 32: 64, 64: 32, 128: 32, 256: 32, 512: 16}
LEAST_BATCH = 2  # of one image the critic sees no deviation
ALPHA_STEP = 5e-5
FEATURES = 512
RATE_GROWTH = 1.85  # from the first to the last phase


class Growth(NamedTuple):
    """The size rendered, and the share of the newest block in it; 1 when it is grown."""

    size: int
    alpha: float = 1.0

    def renders(self, size: int) -> bool:
        """Whether what ``size`` shows is part of the image."""
        return size == self.size or (2 * size == self.size and self.alpha < 1)


class Phase(NamedTuple):
    """Steps at one size; in the first ``fading`` the share of the block grows by ``alpha_step``."""

    size: int
    batch: int
    fading: int
    steps: int
    alpha_step: float
    learning_rate: float

    @property
    def images(self) -> int:
        """Training images shown in all steps."""
        return self.steps * self.batch

    def growth(self, step: int) -> Growth:
        """Return what is rendered at ``step`` of this phase, from 0."""
        if step >= self.fading:
            return Growth(self.size)
        return Growth(self.size, min(1.0, (step + 1) * self.alpha_step))


class Moment(NamedTuple):
    """A step of a run, from 0, and the images shown before it."""

    step: int
    shown: int
    phase: Phase
    growth: Growth
    last: bool


class Factors(NamedTuple):
    """How a run differs from the paper's: its images, features and increment of alpha over those.

    Batches decide the increment too: a half as large one takes half the step.
    """

    images: float
    features: float
    alpha_step: float


def paper_images(size: int) -> int:
    """Return the images that the paper shows until ``size`` is grown and trained."""
    return sum(sum(EPOCHS[s]) for s in SIZES if s <= size) * EPOCH_IMAGES


def growing(size: int, settings: Settings) -> tuple[Phase, ...]:
    """Return the paper's phases up to ``size``, all shortened alike to ``settings.images``.

    Batches keep the paper's ratio, so that every size has the share of the steps that it has there.
    Steps are rounded so that the images shown never differ by more than half a batch from it.
    """
    factor, shown, phases = settings.images / paper_images(size), 0, []
    for each in (s for s in SIZES if s <= size):
        phase = _phase(each, factor, round(paper_images(each) * factor) - shown, settings)
        phases.append(phase)
        shown += phase.images
    return tuple(phases)


def _phase(size: int, factor: float, images: int, settings: Settings) -> Phase:
    batch = max(LEAST_BATCH, round(BATCH[size] * settings.batch / max(BATCH.values())))
    steps = max(1, round(images / batch))
    fading = min(steps, round(EPOCHS[size][0] * EPOCH_IMAGES * factor / batch))
    rate = settings.learning_rate * RATE_GROWTH ** (SIZES.index(size) / (len(SIZES) - 1))
    alpha_step = ALPHA_STEP * batch / BATCH[size] / factor
    return Phase(size, batch, fading, steps, alpha_step, rate)


def fixed(size: int, settings: Settings) -> tuple[Phase]:
    """Return one phase at full size."""
    steps = max(1, round(settings.images / settings.batch))
    return (Phase(size, settings.batch, 0, steps, 1.0, settings.learning_rate),)


def factors(size: int, settings: Settings) -> Factors:
    """Return the factors of a shortened run; all are 1 for the paper's."""
    images = settings.images / paper_images(size)
    return Factors(images, settings.features / FEATURES, 1 / images)


def moments(phases: tuple[Phase, ...], start: int = 0) -> Iterator[Moment]:
    """Yield the steps of a run from number ``start`` on."""
    number = shown = 0
    total = sum(phase.steps for phase in phases)
    for phase in phases:
        for step in range(max(0, start - number), phase.steps):
            seen, last = shown + step * phase.batch, number + step + 1 == total
            yield Moment(number + step, seen, phase, phase.growth(step), last)
        number, shown = number + phase.steps, shown + phase.images
