"""A private model as it is given away: what it learnt, what it stands on, and what that cost.

Nothing that was seen on the way goes with it: no checkpoints, no norms, no losses.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from phantomloom.io import complete
from phantomloom.privacy import classify, encoding, public
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.method import Method
from phantomloom.privacy.public import PublicModel

WEIGHTS, TERMS, PUBLIC = "model.safetensors", "model.json", "public"


class Terms(NamedTuple):
    """What belongs to a model beside its weights.

    network: name of the language model. method: its row of the config. longest: tokens of a
    sentence. wholly_normal: what "No Finding" means, see ``rules.labels``. spent: epsilon by
    accountant, delta, number of units, rate, steps, noise_multiplier.
    """

    network: str
    dataset: str
    label_names: tuple[str, ...]
    method: dict[str, Any]
    longest: int
    wholly_normal: bool
    spent: dict[str, Any]


class Released(NamedTuple):
    """The public model, what was learnt on top of it by name, and its terms."""

    public: PublicModel
    learnt: dict[str, Tensor]
    terms: Terms


def learnt(learner: Learner) -> dict[str, Tensor]:
    """Return what a learner has learnt, by name."""
    parameters = learner.module.named_parameters()
    return {name: each.detach().clone() for name, each in parameters if each.requires_grad}


def write(released: Released, folder: Path) -> None:
    """Write the public model, the terms, and the weights last: with them it is complete."""
    public.write(released.public, folder / PUBLIC)
    with complete(folder / TERMS) as partial:
        partial.write_text(json.dumps(released.terms._asdict(), indent=1, sort_keys=True) + "\n")
    with complete(folder / WEIGHTS) as partial:
        save_file(released.learnt, partial)


def terms(folder: Path) -> Terms:
    """Return the terms of the model in ``folder``.

    Raises:
        FileNotFoundError: if there is none.
    """
    if not (folder / WEIGHTS).is_file():
        raise FileNotFoundError(f"{folder}: no {WEIGHTS} in it; name the folder of a release")
    told = json.loads((folder / TERMS).read_text())
    return Terms(**told | {"label_names": tuple(told["label_names"])})


def read(folder: Path, encoder: Any, tokenizer: Any) -> Released:
    """Return what ``write`` left; ``encoder`` and ``tokenizer`` are the language model's own."""
    model = public.read(folder / PUBLIC, encoder, tokenizer)
    return Released(model, load_file(folder / WEIGHTS), terms(folder))


def probabilities(released: Released, texts: Sequence[str]) -> np.ndarray:
    """Return the probability of each label in each text, [N, L]."""
    model, weights, its = released
    encoded = encoding.encode(model, texts, its.label_names, its.longest, its.wholly_normal)
    targets = torch.zeros(len(texts), len(its.label_names))
    learner = classify.start(model, encoded, targets, Method.of(its.method))
    missing = learner.module.load_state_dict(weights, strict=False).unexpected_keys
    if missing:
        raise ValueError(f"{WEIGHTS} has weights of another method: {', '.join(missing)}")
    return classify.probabilities(learner, np.arange(len(texts)))


def confirm(released: Released, texts: Sequence[str], expected: np.ndarray) -> None:
    """Check that what was read back says of ``texts`` what was learnt, [N, L].

    LoRA weights that stay behind unnoticed are a known fault (opacus issue 820).

    Raises:
        RuntimeError: if it does not.
    """
    found = probabilities(released, texts)
    if not np.allclose(found, expected, atol=1e-4):
        worst = np.abs(found - expected).max()
        raise RuntimeError(f"read back, the model's probabilities differ by up to {worst:.2g}")
