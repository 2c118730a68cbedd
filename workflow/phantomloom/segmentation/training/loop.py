"""The training loop: one shared trunk, one head a model, resumable at any step.

AdamW with polynomial decay, an exponential moving average of the weights, bfloat16 where the
machine multiplies it. The loss is taken at a random quarter of the 2 x 2 x 2 blocks: with 75
classes the head and the loss cost more than the trunk, and the gradient stays unbiased.
"""

import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from phantomloom.io import complete
from phantomloom.segmentation.network import BLOCK, BlockUNet, fold_blocks
from phantomloom.segmentation.training.loss import marginal_loss
from phantomloom.segmentation.training.samples import Patches, Sample
from phantomloom.segmentation.training.targets import TrainingCase
from phantomloom.segmentation.windows import WINDOWS_HU

said = logging.getLogger("phantomloom.train")


class Recipe(NamedTuple):
    """Settings of a run; config.yaml says why each has its value."""

    steps: int
    patch: tuple[int, int, int]
    features: tuple[int, ...]
    learning_rate: float
    average_decay: float
    seed: int
    save_every: int


def network_def(classes: int, recipe: Recipe) -> dict[str, Any]:
    """Return class and arguments of the network as a MONAI bundle names them."""
    return {
        "_target_": f"{BlockUNet.__module__}.{BlockUNet.__qualname__}",
        "channels": len(WINDOWS_HU),
        "classes": classes,
        "features": list(recipe.features),
    }


def train(
    cases: list[TrainingCase],
    learnt: dict[str, tuple[str, ...]],
    recipe: Recipe,
    folder: Path,
    device: str,
    code: str = "",
) -> dict[str, Tensor]:
    """Return the averaged weights; ``folder`` keeps ``state-*.pt`` to resume and ``log.jsonl``.

    The state's name is a digest of cases, recipe and ``code`` (itself a digest), so that a run
    never goes on from the state of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    sizes = [1 + len(names) for names in learnt.values()]
    network = BlockUNet(len(WINDOWS_HU), sum(sizes), recipe.features).to(device)
    average = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=3e-5)
    state = folder / f"state-{_identity(cases, learnt, recipe, code)}.pt"
    step = _resume(state, network, average, optimiser)
    _forget(folder / "log.jsonl", step)
    held = [[_held(case, names) for names in learnt.values()] for case in cases]
    for sample in _stream(Patches(cases, learnt, recipe.patch, recipe.seed, recipe.steps), step):
        rate = recipe.learning_rate * (1 - step / recipe.steps) ** 0.9 * min(1, (step + 1) / 50)
        optimiser.param_groups[0]["lr"] = rate
        loss = _sample_loss(network, sample, held[sample.case], sizes, recipe.seed + step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimiser.step()
        step += 1
        decay = min(recipe.average_decay, (1 + step) / (10 + step))
        for name, value in network.named_parameters():
            average[name].lerp_(value.detach(), 1 - decay)
        _log(folder / "log.jsonl", step, recipe.steps, loss)
        if step % recipe.save_every == 0 or step == recipe.steps:
            _save(state, step, network, average, optimiser)
    return average


def _sample_loss(network: BlockUNet, sample: Sample, held, sizes, seed: int) -> Tensor:
    weight, bias = network.head.weight, network.head.bias
    assert bias is not None
    device = weight.device
    with torch.autocast(device.type, torch.bfloat16):
        features = network.block_features(sample.image[None].to(device))[0].flatten(1)  # [F, N]
        blocks = features.shape[1]
        order = torch.randperm(blocks, generator=torch.Generator().manual_seed(seed))
        chosen = order[: blocks // 4].to(device)
        scores = weight.flatten(1) @ features[:, chosen]  # [classes * 8, n]
    scores = (scores + bias[:, None]).float().unflatten(0, (-1, BLOCK**3)).flatten(1)
    target = fold_blocks(sample.target[None])[0].unflatten(0, (-1, BLOCK**3)).flatten(2)
    target = target.to(device)[..., chosen].flatten(1).long()  # [models, 8 n]
    losses = [
        marginal_loss(part, indices, mask.to(device))
        for part, indices, mask in zip(scores.split(sizes), target, held, strict=True)
    ]
    return torch.stack(losses).mean()


def _held(case: TrainingCase, names: tuple[str, ...]) -> Tensor:
    return torch.tensor([True, *(name in case.held for name in names)])


def _stream(patches: Patches, start: int):
    """Yield the samples from number ``start`` on, made in another process."""
    rest = Subset(patches, np.arange(start, len(patches)))  # type: ignore[arg-type]
    yield from DataLoader(rest, batch_size=None, num_workers=1, prefetch_factor=4)


def _identity(cases: list[TrainingCase], learnt, recipe: Recipe, code: str) -> str:
    digest = sha256(repr((recipe, learnt, code)).encode())
    for case in cases:
        digest.update(case.ct.array.tobytes() + case.labels.array.tobytes())
    return digest.hexdigest()[:12]


def _resume(state: Path, network, average: dict[str, Tensor], optimiser) -> int:
    if not state.exists():
        return 0
    saved = torch.load(state, weights_only=True)
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    average.update(saved["average"])
    said.info("goes on at step %d of %s", saved["step"], state)
    return saved["step"]


def _save(state: Path, step: int, network, average: dict[str, Tensor], optimiser) -> None:
    with complete(state) as partial:
        torch.save(
            {
                "step": step,
                "network": network.state_dict(),
                "average": average,
                "optimiser": optimiser.state_dict(),
            },
            partial,
        )


def _forget(log: Path, step: int) -> None:
    """Drop the lines of a log that come after ``step``: those steps are run again."""
    if log.exists():
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(f"{line}\n" for line in kept))


def _log(path: Path, step: int, steps: int, loss: Tensor) -> None:
    if not torch.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss.item()} at step {step}; lower learning_rate")
    if step % 20 == 0:
        said.info("step %d of %d, loss %.3f", step, steps, loss.item())
        with path.open("a") as log:
            log.write(json.dumps({"step": step, "loss": round(loss.item(), 4)}) + "\n")
