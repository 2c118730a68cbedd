"""The public model: encoder and head taught by reports that a grammar wrote, at no cost of privacy.

Every run of the sweep starts from it, and it is the sweep's end at epsilon 0. A language model's
own sentence vectors hold negation poorly; after this they hold what the labels ask. Words are
masked at random on the way, so that it leans on what surrounds a finding as well as on its name.
"""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn

from phantomloom.io import complete
from phantomloom.privacy import head as heads
from phantomloom.privacy.head import Cached, Directions, Head
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.lora import Classifier, Tokens, vectors
from phantomloom.privacy.sampling import rows_of_units
from phantomloom.privacy.training import Plan, train

SAMPLE = 2000  # public sentences that directions are fitted to
DIRECTIONS = "directions.safetensors"


class Settings(NamedTuple):
    """How the public model is trained: the head alone first, on frozen vectors, then all of it.

    That order bends the encoder least (Kumar et al. 2022, arXiv 2202.10054). layers: encoder
    layers that learn, counted from the top, None for the whole encoder (ALBERT takes None alone).
    batch: reports a step. masked: share of tokens that are masked. average_last: steps whose
    parameters are averaged. trust: see ``PublicModel``.
    """

    layers: int | None
    head_steps: int
    head_learning_rate: float
    steps: int
    learning_rate: float
    batch: int
    masked: float
    average_last: int
    trust: float
    seed: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return what a row of the config describes; its layers may be "all"."""
        layers = settings["layers"]
        return cls(**{**settings, "layers": None if layers == "all" else layers})


class PublicModel(NamedTuple):
    """Encoder with its tokenizer, and a head with label attention whose extras are the rules'.

    directions: of public sentences' vectors by this encoder. trust: what the rules' features are
    multiplied by when they are added to the head's logits. The head knows the public wording too
    well to heed the rules, which other wordings trouble less.
    """

    encoder: nn.Module
    tokenizer: Any
    head: Head
    directions: Directions
    trust: float


def pretrain(
    encoder: Any,
    tokenizer: Any,
    tokens: Tokens,
    targets: Tensor,
    settings: Settings,
    folder: Path,
    device: str = "cpu",
    code: str = "",
) -> PublicModel:
    """Return the model that public reports taught on ``device``; ``encoder`` stays as it is.

    ``tokens`` are reports of the public grammar (``encoding.tokens``), ``targets`` theirs [N, L];
    ``folder`` keeps the state of the training, from which a killed job of the same ``code`` goes
    on.
    """
    head = Head(encoder.config.hidden_size, targets.shape[1], "attention", tokens.extras.shape[1])
    frozen = vectors(copy.deepcopy(encoder).to(device), tokens.ids, tokens.mask)
    probe = heads.learner(head, Cached(frozen, *tokens[2:]), targets)
    _train(probe, settings.head_steps, settings.head_learning_rate, settings, folder / "head", code)
    classifier = Classifier(copy.deepcopy(encoder), head)
    _release(classifier.encoder, settings.layers)
    placed = tokens._replace(offset=tokens.offset.to(device))
    masked = _masking(placed, tokenizer.mask_token_id, settings)
    whole = Learner(classifier.to(device), masked, targets)
    _train(whole, settings.steps, settings.learning_rate, settings, folder / "whole", code)
    classifier.requires_grad_(False)
    sample = vectors(classifier.encoder, tokens.ids[:SAMPLE], tokens.mask[:SAMPLE])
    classifier.cpu()
    directions = Directions.of(sample)
    return PublicModel(classifier.encoder, tokenizer, head, directions, settings.trust)


def write(model: PublicModel, folder: Path) -> None:
    """Leave the weights in ``folder``; the tokenizer stays with the model started from."""
    folder.mkdir(parents=True, exist_ok=True)
    with complete(folder / "encoder.safetensors") as partial:
        save_model(model.encoder, str(partial))
    with complete(folder / "head.safetensors") as partial:
        save_model(model.head, str(partial))
    with complete(folder / DIRECTIONS) as partial:
        save_file({k: v.contiguous() for k, v in model.directions._asdict().items()}, partial)
    extras = 0 if model.head.extras is None else model.head.extras.in_features
    shape = {"labels": model.head.score.out_features, "extras": extras, "trust": model.trust}
    with complete(folder / "head.json") as partial:
        partial.write_text(json.dumps(shape))


def read(folder: Path, encoder: Any, tokenizer: Any) -> PublicModel:
    """Return what ``write`` left; ``encoder`` and ``tokenizer`` are what it was started from.

    Raises:
        RuntimeError: if the weights are of another architecture.
    """
    shape = json.loads((folder / "head.json").read_text())
    head = Head(encoder.config.hidden_size, shape["labels"], "attention", shape["extras"])
    tuned = copy.deepcopy(encoder)
    load_model(tuned, str(folder / "encoder.safetensors"))
    load_model(head, str(folder / "head.safetensors"))
    directions = Directions(**load_file(folder / DIRECTIONS))
    for part in (tuned, head):
        part.requires_grad_(False)
    return PublicModel(tuned, tokenizer, head, directions, shape["trust"])


def _train(
    learner: Learner,
    steps: int,
    learning_rate: float,
    settings: Settings,
    folder: Path,
    code: str,
) -> None:
    reports = len(learner.targets)
    plan = Plan(
        steps=steps,
        rate=min(1.0, settings.batch / reports),
        clip=None,
        noise_multiplier=0.0,
        learning_rate=learning_rate,
        optimiser="adam",
        average_last=settings.average_last,
        seed=settings.seed,
        save_every=max(1, steps // 4),
    )
    train(learner, rows_of_units(range(reports)), plan, folder, code=code)


def _release(encoder: Any, layers: int | None) -> None:
    """Let the top ``layers`` learn, or everything.

    Raises:
        ValueError: if the encoder has fewer, or shares one set of weights between them.
    """
    if layers is None:
        encoder.requires_grad_(True)
        return
    if not hasattr(encoder.encoder, "layer"):
        raise ValueError("privacy.public: this encoder shares its layers; say `layers: all`")
    if layers > (most := len(encoder.encoder.layer)):
        raise ValueError(f"privacy.public.layers: {layers}, but the encoder has {most}")
    for layer in encoder.encoder.layer[-layers:]:
        layer.requires_grad_(True)


def _masking(tokens: Tokens, mask_token: int, settings: Settings) -> Callable[..., Any]:
    """Return ``tokens.batch`` with a share of the tokens, other than the ends, masked.

    The rows decide which, so that a killed training goes on with the same.
    """

    def batch(rows: np.ndarray) -> tuple[Tensor, ...]:
        ids, mask, *rest = tokens.batch(rows)
        draw = np.random.default_rng((settings.seed, *rows))
        hit = torch.from_numpy(draw.random(ids.shape) < settings.masked)
        hit[:, 0] = False
        return (ids.masked_fill(hit.to(ids.device) & (mask == 1), mask_token), mask, *rest)

    return batch
