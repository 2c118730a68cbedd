"""How a run of the sweep learns: settings of the config, all of them public."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from phantomloom.privacy.accountant import default_delta, noise_multiplier
from phantomloom.privacy.training import Plan

TRAINS = ("nothing", "head", "lora", "full")
AT_ONCE = {
    "nothing": 1024,
    "head": 512,
    "lora": 32,
    "full": 32,
}  # reports whose gradients are made together
SAVES = 5  # states that a run keeps on its way


class Adapter(NamedTuple):
    """Settings of LoRA (Hu et al. 2022): weights become W + alpha / rank * B A.

    target_modules: names of linear layers, such as query and value. layers: numbers of encoder
    layers, or None for all; ALBERT has one set of weights for all its layers and takes None only.
    """

    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    layers: tuple[int, ...] | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the adapter that a row of the config describes; its layers may be "all"."""
        layers = settings["layers"]
        given = {**settings, "target_modules": tuple(settings["target_modules"])}
        return cls(**given | {"layers": None if layers == "all" else tuple(layers)})


class Noise(NamedTuple):
    """The noise of a private run, and what it is calibrated for."""

    units: int
    delta: float
    rate: float
    steps: int
    noise_multiplier: float


def chosen(rows: Sequence[Mapping[str, Any]], epsilon: float | None, units: int) -> dict[str, Any]:
    """Return the first of ``rows`` that is made for a budget on so many units, less its ``up_to``.

    What can be learnt grows with epsilon times the units: noise of one size on the sum of more
    gradients. Without a budget it is the first row.

    Raises:
        ValueError: if no row's ``up_to`` reaches so far.
    """
    reach = 0.0 if epsilon is None else epsilon * units
    for row in rows:
        if reach <= row.get("up_to", math.inf):
            return {key: value for key, value in row.items() if key != "up_to"}
    raise ValueError(
        f"privacy.methods.private: no row's up_to reaches {reach:g}, which is epsilon {epsilon:g} "
        f"times {units} units; add one"
    )


class Method(NamedTuple):
    """How a run learns; the noise is not of it.

    trains: "nothing" (the public model), "head", "lora" (head and adapter) or "full" (everything,
    not private). directions: of the public vectors, for the head. whiten: whether they weigh the
    same. gain: of public logit and rules beside a unit vector. units: expected in a batch, None
    for all of them. first: a method of the same head to go on from, without privacy only. See
    ``training.Plan`` for the rest.
    """

    trains: str
    directions: int = 32
    whiten: bool = False
    gain: float = 1.0
    steps: int = 1
    units: int | None = None
    clip: float | None = None
    clipping: str = "flat"
    learning_rate: float = 1.0
    optimiser: str = "sgd"
    momentum: float = 0.0
    average_last: int = 1
    adapter: Adapter | None = None
    first: "Method | None" = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the method that a row of the config describes."""
        given = dict(settings)
        if "adapter" in given:
            given["adapter"] = Adapter.of(given["adapter"])
        if "first" in given:
            given["first"] = cls.of(given["first"])
        return cls(**given)

    def within(self, epsilon: float, units: int) -> Noise:
        """Return the noise with which the steps on so many units keep within ``epsilon``.

        Delta is ``accountant.default_delta``.
        """
        delta, rate = default_delta(units), self.rate(units)
        return Noise(
            units, delta, rate, self.steps, noise_multiplier(epsilon, delta, rate, self.steps)
        )

    def rate(self, units: int) -> float:
        """Return each unit's chance to be in a batch of a data set of so many."""
        return 1.0 if self.units is None else min(1.0, self.units / units)

    def plan(self, units: int, noise: float | None, seed: int | None) -> Plan:
        """Return the steps on so many units; without noise (its multiplier) it is not private.

        Raises:
            ValueError: if there is no such method, if it cannot be private, or has no clip then;
                if ``first`` is of another head.
        """
        private = noise is not None
        self._check(private)
        return Plan(
            steps=self.steps,
            rate=self.rate(units),
            clip=self.clip if private else None,
            noise_multiplier=noise or 0.0,
            learning_rate=self.learning_rate,
            clipping=self.clipping,
            optimiser=self.optimiser,
            momentum=self.momentum,
            average_last=self.average_last,
            rows_at_once=AT_ONCE[self.trains],
            seed=seed,
            save_every=max(1, self.steps // SAVES),
        )

    def _check(self, private: bool) -> None:
        if self.trains not in TRAINS:
            raise ValueError(f"privacy: trains is one of {', '.join(TRAINS)}, not {self.trains!r}")
        if self.trains == "lora" and self.adapter is None:
            raise ValueError("privacy: lora needs an adapter: rank, alpha, target_modules, layers")
        if private and self.trains == "full":
            raise ValueError("privacy: full fine-tuning has no private run")
        if private and self.first is not None:
            raise ValueError("privacy: a private run has one method; first is for those without")
        if self.first is not None:
            its = self.first.trains, self.first.directions, self.first.whiten, self.first.gain
            mine = "head", self.directions, self.whiten, self.gain
            if its != mine:
                raise ValueError(
                    "privacy: first trains the head that the method goes on from: trains, "
                    f"directions, whiten and gain are {mine}, not {its}"
                )
        if private and self.clip is None:
            raise ValueError("privacy: a private run needs a clip")
