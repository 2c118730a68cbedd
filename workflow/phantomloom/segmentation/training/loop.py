"""The training loop: one shared trunk, one head a model, resumable at any step.

AdamW with polynomial decay, an exponential moving average of the weights, bfloat16 where the
machine multiplies it.
"""

import json
import logging
from copy import deepcopy
from functools import partial
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from phantomloom.io import complete
from phantomloom.segmentation.network import BLOCK, BlockUNet
from phantomloom.segmentation.training import adjustment, objective
from phantomloom.segmentation.training.progress import Log, mean_dice
from phantomloom.segmentation.training.samples import Material, Patches
from phantomloom.segmentation.training.targets import Learnt
from phantomloom.segmentation.windows import WINDOWS_HU

said = logging.getLogger("phantomloom.train")
WATCHED = 8  # patches on which the averaged weights are followed


class Recipe(NamedTuple):
    """Settings of a run; config.yaml says why each has its value."""

    steps: int
    spacing_mm: float
    patch: tuple[int, int, int]
    features: tuple[int, ...]
    learning_rate: float
    average_decay: float
    shares: dict[str, float]
    seed: int
    save_every: int

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Self:
        """Return the recipe in ``settings``, which may hold more."""
        return cls(*(settings[name] for name in cls._fields))


def network_def(classes: int, recipe: Recipe) -> dict[str, Any]:
    """Return class and arguments of the network as a MONAI bundle names them."""
    return {
        "_target_": f"{BlockUNet.__module__}.{BlockUNet.__qualname__}",
        "channels": len(WINDOWS_HU),
        "classes": classes,
        "features": list(recipe.features),
    }


class Fitted(NamedTuple):
    """Weights, the classes of their head, and how many voxels these have in what taught."""

    weights: dict[str, Tensor]
    learnt: Learnt
    voxels: adjustment.Voxels

    def write(self, path: Path, settings: dict[str, Any]) -> None:
        """Write one safetensors file of float16; its metadata tell all else, and ``settings``."""
        about = {"learnt": self.learnt, "voxels": self.voxels, "settings": settings}
        told = {name: json.dumps(content) for name, content in about.items()}
        with complete(path) as partial:
            save_file({name: value.half() for name, value in self.weights.items()}, partial, told)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what ``write`` wrote, as float32."""
        with safe_open(path, framework="pt") as file:
            learnt, voxels = (json.loads(file.metadata()[key]) for key in ("learnt", "voxels"))
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        return cls(weights, {model: tuple(names) for model, names in learnt.items()}, voxels)


class Run(NamedTuple):
    """What changes from step to step, as it is saved."""

    network: BlockUNet
    deep: objective.Deep
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer


def identity(
    material: Material, learnt: Learnt, recipe: Recipe, first: Fitted | None, code: str
) -> str:
    """Return a digest of all that decides the result of ``train``; ``code`` is one itself."""
    digest = sha256(repr((recipe._replace(save_every=0), learnt, code)).encode())
    for case in (*material.people, *material.scans):
        digest.update(repr((case.name, sorted(case.held))).encode())
        for array in (case.hu, case.labels):
            digest.update(array.contiguous().numpy().data)
    for name, value in sorted(first.weights.items()) if first else ():
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()[:12]


def train(
    material: Material,
    watched: Material,
    learnt: Learnt,
    recipe: Recipe,
    folder: Path,
    device: str,
    first: Fitted | None = None,
) -> Fitted:
    """Return the averaged weights; ``folder`` keeps ``state.pt`` to resume and ``log.jsonl``.

    Give every ``identity`` a folder of its own: what lies there is gone on with. ``first`` gives
    the weights to begin with; the head begins anew for classes that it lacks. Every time the state
    is saved the mean Dice of the averaged weights on patches of ``watched`` is logged.

    Raises:
        FloatingPointError: if the loss is no finite number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    sizes = [1 + len(names) for names in learnt.values()]
    network = BlockUNet(len(WINDOWS_HU), sum(sizes), recipe.features).to(device)
    deep = objective.Deep(network, sum(sizes), recipe.features).to(device)
    if first is not None:
        _begin_with(first, network, learnt)
    average = {name: value.detach().clone() for name, value in network.named_parameters()}
    taught = [*network.parameters(), *deep.parameters()]
    optimiser = torch.optim.AdamW(taught, recipe.learning_rate, weight_decay=3e-5)
    run = Run(network, deep, average, optimiser)
    state = folder / "state.pt"
    step = _resume(state, run)
    log = Log(folder / "log.jsonl", step)
    of_all = partial(Patches, learnt=learnt, shape=recipe.patch, voxel_mm=recipe.spacing_mm)
    patches = of_all(material, shares=recipe.shares, seed=recipe.seed, samples=recipe.steps)
    shown = of_all(watched, shares={"stylised": 1}, seed=0, samples=WATCHED)
    for sample in log.timed(_stream(patches, step)):
        rate = recipe.learning_rate * (1 - step / recipe.steps) ** 0.9 * min(1, (step + 1) / 50)
        optimiser.param_groups[0]["lr"] = rate
        losses = objective.losses(network, deep, sample, sizes, recipe.seed + step)
        optimiser.zero_grad()
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(taught, 12)
        optimiser.step()
        step += 1
        decay = min(recipe.average_decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(
            list(average.values()), [p.detach() for p in network.parameters()], 1 - decay
        )
        log.add(step, recipe.steps, losses.detach(), list(learnt))
        if step % recipe.save_every == 0 or step == recipe.steps:
            with log.aside():
                log.write({"step": step, "dice": mean_dice(_averaged(run), shown, sizes)})
                deep.seen.clear()
                _save(state, step, run)
    cases, before = [*material.people, *material.scans], first.voxels if first else None
    return Fitted(average, learnt, adjustment.voxels(cases, learnt, prod(recipe.patch), before))


def _begin_with(first: Fitted, network: BlockUNet, learnt: Learnt) -> None:
    """Give ``network`` the weights of ``first``; of the head those of classes that both have."""
    here, there = _classes(learnt), _classes(first.learnt)
    both = [name for name in here if name in there]
    rows, of_first = ([its[name] for name in both] for its in (here, there))
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.startswith("head."):
                blocks = value.unflatten(0, (-1, BLOCK**3))
                its = first.weights[name].to(value.device).unflatten(0, (-1, BLOCK**3))
                blocks[rows] = its[of_first]
            else:
                value.copy_(first.weights[name])


def _classes(learnt: Learnt) -> dict[tuple[str, str], int]:
    """Return the place in the head of each class of each model; the background has no name."""
    classes = [(model, name) for model, names in learnt.items() for name in ("", *names)]
    return {each: place for place, each in enumerate(classes)}


def _averaged(run: Run) -> BlockUNet:
    """Return a network of the averaged weights.

    Not by ``functional_call``: it unties the weights that DynUNet holds twice, and what is
    learnt afterwards is lost.
    """
    network = deepcopy(run.network)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(run.average[name])
    return network


def _stream(patches: Patches, start: int):
    """Yield the samples from number ``start`` on, made in another process."""
    rest = Subset(patches, np.arange(start, len(patches)))  # type: ignore[arg-type]
    # each sample takes 10.5 MiB of shared memory, of which a container has 64 MiB by default
    yield from DataLoader(rest, batch_size=None, num_workers=1, prefetch_factor=2)


def _resume(state: Path, run: Run) -> int:
    if not state.exists():
        return 0
    saved = torch.load(state, map_location="cpu", weights_only=True)
    run.network.load_state_dict(saved["network"])
    run.deep.load_state_dict(saved["deep"])
    run.optimiser.load_state_dict(saved["optimiser"])
    for name, value in saved["average"].items():
        run.average[name].copy_(value)
    said.info("goes on at step %d of %s", saved["step"], state)
    return saved["step"]


def _save(state: Path, step: int, run: Run) -> None:
    with complete(state) as partial:
        torch.save(
            {
                "step": step,
                "network": run.network.state_dict(),
                "deep": run.deep.state_dict(),
                "average": run.average,
                "optimiser": run.optimiser.state_dict(),
            },
            partial,
        )
