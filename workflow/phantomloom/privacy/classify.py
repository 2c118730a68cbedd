"""One run of the sweep: from the public model, by a method, to probabilities of the labels.

What learns on top of the public model is a change of its logits that starts at zero: linear in
public directions of the sentences that each label heeds, in the public logit and in what the rules
read. So privacy can only add to the public model, and the problem is convex where the encoder
stays frozen. With LoRA the encoder under it learns as well, with full fine-tuning everything does.
"""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from phantomloom.privacy import lora
from phantomloom.privacy.encoding import Encoded, as_tokens, batches
from phantomloom.privacy.head import Head, Projection
from phantomloom.privacy.learner import Learner
from phantomloom.privacy.lora import Classifier
from phantomloom.privacy.method import Method
from phantomloom.privacy.public import PublicModel
from phantomloom.privacy.training import Budget, Trained, train

SURE = 5.0  # logit from which on more is the same to the head


class Change(nn.Module):
    """The public head, and the change of its logits that is trained."""

    _mean: Tensor  # of the projection
    _matrix: Tensor

    def __init__(self, public: Head, projection: Projection, gain: float):
        super().__init__()
        directions, labels = projection.matrix.shape[1], public.score.out_features
        self.width = directions + 2  # with the public logit and what the rules read
        self.public, self.change = public, nn.Linear(self.width, labels)
        self._gain = gain
        # buffers go where the module goes; the public model's files hold them
        self.register_buffer("_mean", projection.mean, persistent=False)
        self.register_buffer("_matrix", projection.matrix, persistent=False)
        for parameter in self.change.parameters():
            nn.init.zeros_(parameter)

    def forward(self, vectors: Tensor, present: Tensor, extras: Tensor, offset: Tensor) -> Tensor:
        """Return logits [R, L]; see ``Head`` for what goes in."""
        features, logits = self.features(vectors, present, extras, offset)
        return _changed(self.change, features, logits)

    def features(self, vectors: Tensor, present: Tensor, extras: Tensor, offset: Tensor):
        """Return each label's features, [R, L, F], and the public logits, [R, L]."""
        logits = self.public(vectors, present, extras, offset)
        heeded = self.public.shares(vectors, present).transpose(1, 2) @ vectors  # [R, L, D]
        beside = self._gain * torch.stack([logits.clamp(-SURE, SURE) / SURE, extras], -1)
        return torch.cat([Projection(self._mean, self._matrix)(heeded), beside], -1), logits


class Fixed(nn.Module):
    """A change on features that stay the same, with the head that they are made by frozen."""

    def __init__(self, change: nn.Linear):
        super().__init__()
        self.change = change

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Return logits [R, L] from features [R, L, F] and public logits [R, L]."""
        return _changed(self.change, features, logits)


def run(
    public: PublicModel,
    encoded: Encoded,
    targets: Tensor,
    units: Sequence[np.ndarray],
    method: Method,
    noise_multiplier: float | None,
    folder: Path,
    seed: int | None = None,
    code: str = "",
    budget: Budget | None = None,
    device: str = "cpu",
    resume: bool = False,
) -> tuple[Learner, Trained]:
    """Return what ``units`` (the rows of each) of ``encoded`` taught, and the training's account.

    targets: [N, L], NaN where not known. noise_multiplier: None trains without privacy; with one,
    ``method.clip`` bounds each unit. seed: None draws from the operating system, for releases.
    budget: steps that would pass it are not made. ``folder`` keeps the training's state; with
    ``resume`` it must have one. The learner's ``logits`` read every row of ``encoded``.

    Raises:
        ValueError: as ``Method.plan`` does.
    """
    plan = method.plan(len(units), noise_multiplier, seed)
    warm = None
    if method.first is not None:
        _, warm = run(public, encoded, targets, units, method.first, None, folder, seed, code)
    learner = start(public, encoded, targets, method, warm, device)
    if method.trains == "nothing":
        return learner, Trained(learner.parameters(), (), 0)
    code = repr((method, code))
    return learner, train(learner, units, plan, folder, budget, code=code, resume=resume)


def start(
    public: PublicModel,
    encoded: Encoded,
    targets: Tensor,
    method: Method,
    warm: Trained | None = None,
    device: str = "cpu",
) -> Learner:
    """Return what a method trains, as it begins: the public model, or what a head learnt first.

    An encoder that learns is on ``device``; a head alone needs none but the CPU.
    """
    directions = Projection.along(public.directions, method.directions, method.whiten)
    change = Change(copy.deepcopy(public.head), directions, method.gain)
    if warm is not None:
        vector_to_parameters(warm.parameters, change.change.parameters())
    if method.trains in ("nothing", "head"):
        return _on_features(change, encoded, targets, public.trust)
    encoder: nn.Module = copy.deepcopy(public.encoder)
    if method.adapter is not None and method.trains == "lora":
        encoder = lora.adapt(encoder, method.adapter, seed=0)
    classifier = Classifier(encoder, change)
    if method.trains == "full":
        classifier.requires_grad_(True)
    return lora.learner(classifier, as_tokens(encoded, public.trust), targets, device=device)


def probabilities(learner: Learner, rows: np.ndarray) -> np.ndarray:
    """Return the probability of each label in ``rows``, float64 [R, L]."""
    return learner.logits(rows).cpu().double().sigmoid().numpy()


def _on_features(change: Change, encoded: Encoded, targets: Tensor, trust: float) -> Learner:
    """Return what learns the change alone, on features that are made once."""
    reports, labels = targets.shape
    features, logits = torch.empty(reports, labels, change.width), torch.empty(reports, labels)
    done = 0  # in place: beside a list of parts, their copy took twice the memory
    with torch.no_grad():
        for part in batches(as_tokens(encoded, trust), encoded.vectors):
            made, public = change.features(*part)
            rows = slice(done, done := done + len(public))
            features[rows], logits[rows] = made, public

    def batch(rows: np.ndarray) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(rows)
        return features[index], logits[index]

    return Learner(Fixed(change.change), batch, targets)


def _changed(change: nn.Linear, features: Tensor, logits: Tensor) -> Tensor:
    return logits + change(features).diagonal(dim1=1, dim2=2)
