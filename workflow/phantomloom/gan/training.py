"""The training loop of all variants: a budget in images, resumable bit by bit on a CPU.

In several processes, see ``processes.each``, each takes its parts of a batch and the first one
writes.
"""

from collections.abc import Callable
from pathlib import Path

from phantomloom.gan import processes, step
from phantomloom.gan.progress import Log, Losses
from phantomloom.gan.run import Data, Run, Task, shape_of
from phantomloom.gan.schedule import Growth, Moment, moments
from phantomloom.gan.settings import Settings
from phantomloom.gan.trained import Trained, module_of

OnSave = Callable[[int, Trained], None]


def train(
    name: str,
    data: Data,
    settings: Settings,
    folder: Path,
    device: str = "cpu",
    on_save: OnSave | None = None,
) -> Trained:
    """Return the generator of variant ``name``, trained until ``settings.images`` were shown.

    ``folder`` keeps ``log.jsonl`` and ``state.pt`` to resume: each ``run.identity`` needs its own,
    so that none goes on from the state of another. ``on_save`` is given the images shown and the
    generator each time the state is saved.

    Raises:
        FloatingPointError: if a loss or gradient is no finite number; the saved state stays.
        ValueError: before the first step, if the processes cannot share a batch of the schedule.
    """
    task = Task(module_of(name), data, shape_of(data), settings, device)
    phases = task.variant.schedule(task.shape, settings)
    for phase in phases:
        step.part_count(phase.batch, phase.size, task)
    run = Run(task)
    state = folder / "state.pt"
    folder.mkdir(parents=True, exist_ok=True)
    run.resume(state)
    writes = processes.rank() == 0
    log = Log(folder / "log.jsonl" if writes else None, run.images, settings.log_every_images)
    log.begin(name, task.shape, settings)

    def trained(growth: Growth) -> Trained:
        return Trained(run.average, name, task.shape, settings, growth, data.about)

    for moment in moments(phases, run.step):
        losses = advance(task, run, moment, state)
        every = settings.save_every_images
        due = moment.last or run.images // every > moment.shown // every
        log.add(run.step, run.images, moment.growth, losses, now=due)
        if due and writes:
            run.save(state)
            if on_save is not None:
                on_save(run.images, trained(moment.growth))
    return trained(Growth(task.shape.size))


def advance(task: Task, run: Run, moment: Moment, state: Path) -> Losses:
    """Make the step of a run at ``moment``.

    Raises:
        FloatingPointError: saying where it was, and that ``state`` is kept.
    """
    rows = step.rows_at(moment.shown, moment.phase.batch, len(task.data.names), task.settings.seed)
    for optimiser in (run.networks.of_critic, run.networks.of_generator):
        optimiser.param_groups[0]["lr"] = moment.phase.learning_rate
    try:
        losses = step.make(task, run.networks, step.Batch(moment.step, rows, moment.growth))
    except FloatingPointError as error:
        raise FloatingPointError(
            f"step {moment.step} after {moment.shown} images: {error}; lower learning_rate or "
            f"penalty, or turn mixed_precision off; {state} is what was saved last"
        ) from error
    run.count(moment.phase.batch)
    return losses
