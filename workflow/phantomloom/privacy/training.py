"""The training loop under differential privacy, resumable with what it has spent.

For each step: every unit by its own coin, gradients of units clipped and summed, Gaussian noise,
one step of the optimiser along the sum over the *expected* batch, tail average of the parameters.
An empty batch is a step as well: noise alone. Without ``clip`` it is ordinary training.

A run that is killed goes on from its last saved step, parameters and ledger together, so that
what it has spent is never forgotten. Steps after that are made again; nobody has seen their
outcome, which is why the state and ``private.jsonl`` must not be let out. ``log.jsonl`` holds the
step and what the settings fix, and may.
"""

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from phantomloom.io import complete, lines
from phantomloom.privacy.accountant import Ledger, Phase, affordable_steps, charge
from phantomloom.privacy.mechanism import clipped_sum, noisy, unit_gradients
from phantomloom.privacy.sampling import poisson, virtual_batches

said = logging.getLogger("phantomloom.privacy")


class Trainable(Protocol):
    """What is trained; ``learner.Learner`` says what each method returns."""

    def parameters(self) -> Tensor:
        """Return a copy of all trained parameters, [P]."""

    def load(self, flat: Tensor) -> None:
        """Set the trained parameters."""

    def gradients(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the gradient of each row, [R, P], and its loss, [R]."""

    def total(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the gradient of all rows, [P], and the loss of each, [R]."""

    def digest(self) -> str:
        """Return a digest of its data and of all its parameters, trained or not."""


class Plan(NamedTuple):
    """Settings of a run, all of them public.

    rate: a unit's chance to be in a batch; 1 for full batches. clip: norm that no unit's gradient
    passes, None for training that is not private. noise_multiplier: standard deviation over clip.
    seed: None draws from the operating system, which a release needs. average_last: steps whose
    parameters are averaged. rows_at_once: what fits memory. units: of which the expected batch is
    a share, None for those given: an audit adds some and leaves some out.
    """

    steps: int
    rate: float
    clip: float | None
    noise_multiplier: float
    learning_rate: float
    clipping: str = "flat"
    optimiser: str = "sgd"
    momentum: float = 0.0
    average_last: int = 1
    rows_at_once: int = 256
    seed: int | None = None
    save_every: int = 1
    units: int | None = None


class Budget(NamedTuple):
    """No step is made that would spend more than ``epsilon`` at ``delta``."""

    epsilon: float
    delta: float


class Trained(NamedTuple):
    """The averaged parameters [P], everything spent so far, and the steps made.

    Steps without clip are in the ledger with noise 0: their epsilon is infinite.
    """

    parameters: Tensor
    ledger: Ledger
    steps: int


Watch = Callable[[int, Tensor], None]


def train(
    learner: Trainable,
    units: Sequence[np.ndarray],
    plan: Plan,
    folder: Path,
    budget: Budget | None = None,
    spent: Ledger = (),
    watch: Watch | None = None,
    code: str = "",
    resume: bool = False,
) -> Trained:
    """Train on ``units`` (the rows of each) and leave the averaged parameters in ``learner``.

    ``spent`` is what the same units have spent before. ``watch`` sees each step and its noisy sum
    [P], as an attacker would. ``folder`` keeps the state, named by a digest of everything given,
    with the learner's data, and of ``code`` (a digest of the code and of what else decides the
    gradients), so that no run goes on from another's state. With ``resume`` it must.

    Raises:
        FileNotFoundError: if it must and there is no such state.
    """
    start = learner.parameters()
    run = _Run(start, plan, spent)
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / f"state-{_identity(learner, units, plan, budget, spent, code)}.pt"
    if resume and not state.exists():
        raise FileNotFoundError(
            f"{state}: gone, or of another machine; without it these reports would be trained on "
            "once more, which spends their privacy again"
        )
    run.resume(state)
    for log in (folder / "log.jsonl", folder / "private.jsonl"):
        lines.forget(log, "step", run.step)
    last = plan.steps if budget is None else run.step + _affordable(plan, budget, run)
    while run.step < last:
        learner.load(run.parameters)
        total, observed = _step_sum(learner, units, plan, run.step)
        if watch is not None:
            watch(run.step, total)
        run.advance(total / (plan.rate * (plan.units or len(units))), last)
        _write(folder, plan, run, observed)
        if run.step % plan.save_every == 0 or run.step == last:
            run.save(state)
    _check(run, start, spent)
    learner.load(run.average)
    return Trained(run.average, run.ledger, run.step)


def forget(folder: Path) -> None:
    """Remove the states of trainings below ``folder`` whose results are kept: as large as these.

    Those of a release stay: by them it goes on after a fault and does not spend twice.
    """
    for state in folder.rglob("state-*.pt"):
        state.unlink()


class _Run:
    """What changes during a run and is saved with it."""

    def __init__(self, start: Tensor, plan: Plan, spent: Ledger):
        self.step, self.ledger, self.plan = 0, spent, plan
        self.parameters = start.clone().requires_grad_()
        self.average = start.clone()
        self.optimiser = _optimiser(self.parameters, plan)

    def advance(self, gradient: Tensor, last: int) -> None:
        self.parameters.grad = gradient.to(self.parameters)
        self.optimiser.step()
        self.step += 1
        noise = 0.0 if self.plan.clip is None else self.plan.noise_multiplier
        self.ledger = charge(self.ledger, self.plan.rate, noise)
        averaged = max(1, self.step - max(0, last - self.plan.average_last))
        self.average.lerp_(self.parameters.detach(), 1 / averaged)

    def save(self, state: Path) -> None:
        content = {
            "step": self.step,
            "ledger": [tuple(phase) for phase in self.ledger],
            "parameters": self.parameters.detach(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        with complete(state) as partial:
            torch.save(content, partial)

    def resume(self, state: Path) -> None:
        if not state.exists():
            return
        saved = torch.load(state, map_location="cpu", weights_only=True)
        self.step = saved["step"]
        self.ledger = tuple(Phase(*phase) for phase in saved["ledger"])
        with torch.no_grad():
            self.parameters.copy_(saved["parameters"])
        self.average.copy_(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        said.info("goes on at step %d of %s", self.step, state)


def _step_sum(
    learner: Trainable, units: Sequence[np.ndarray], plan: Plan, step: int
) -> tuple[Tensor, dict[str, float]]:
    """Return the sum [P] that the optimiser sees, and what only the owner of the data may see."""
    chosen = poisson(len(units), plan.rate, plan.seed, step)
    batches = virtual_batches([units[i] for i in chosen], plan.rows_at_once)
    losses: list[Tensor] = []
    clipped: list[Tensor] = []

    def gradients(rows: np.ndarray) -> Tensor:
        each, loss = learner.gradients(rows)
        losses.append(loss)
        return each

    total = torch.zeros_like(learner.parameters(), dtype=torch.float64)
    if plan.clip is None:
        for rows, _, _ in batches:
            gradient, loss = learner.total(rows)
            total += gradient
            losses.append(loss)
    else:
        for each in unit_gradients(gradients, batches):
            part, shrunk = clipped_sum(each, plan.clip, plan.clipping)
            total += part
            clipped.append(shrunk)
        total = noisy(total, plan.clip * plan.noise_multiplier, plan.seed, step)
    return total, {"units": len(chosen), "loss": _mean(losses), "clipped": _mean(clipped)}


def _mean(parts: list[Tensor]) -> float:
    return float(torch.cat(parts).double().mean()) if parts else 0.0


def _optimiser(parameters: Tensor, plan: Plan) -> torch.optim.Optimizer:
    if plan.optimiser == "sgd":
        return torch.optim.SGD([parameters], plan.learning_rate, plan.momentum)
    if plan.optimiser == "adam":
        return torch.optim.Adam([parameters], plan.learning_rate)
    raise ValueError(f"privacy: optimiser is sgd or adam, not {plan.optimiser!r}")


def _affordable(plan: Plan, budget: Budget, run: _Run) -> int:
    if plan.clip is None:
        raise ValueError("privacy: training without clip is not private and has no budget")
    left = plan.steps - run.step
    steps = affordable_steps(left, *budget, plan.rate, plan.noise_multiplier, run.ledger)
    if steps < left:
        said.warning("epsilon %g is spent after %d steps", budget.epsilon, run.step + steps)
    return steps


def _identity(learner: Trainable, units, plan: Plan, budget, spent: Ledger, code: str) -> str:
    digest = sha256(repr((learner.digest(), plan, budget, spent, code)).encode())
    for rows in units:
        digest.update(rows.tobytes() + b"|")
    return digest.hexdigest()[:12]


def _check(run: _Run, start: Tensor, spent: Ledger) -> None:
    """Raise if the ledger is not of the steps made, or the parameters have not moved."""
    charged = sum(p.steps for p in run.ledger) - sum(p.steps for p in spent)
    if charged != run.step:
        raise RuntimeError(f"{run.step} steps were made, but {charged} were charged")
    if run.step and torch.equal(run.parameters.detach(), start):
        raise RuntimeError(f"{run.step} steps have not moved the parameters")
    if not bool(run.average.isfinite().all()):
        raise FloatingPointError("the parameters are not finite; lower learning_rate")


def _write(folder: Path, plan: Plan, run: _Run, observed: dict[str, float]) -> None:
    public: dict[str, Any] = {"step": run.step, "rate": plan.rate, "clip": plan.clip}
    public["noise_multiplier"] = plan.noise_multiplier
    for name, line in (("log", public), ("private", {"step": run.step, **observed})):
        lines.add(folder / f"{name}.jsonl", line)
