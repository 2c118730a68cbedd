"""LoRA adapters on a BERT-like encoder, whose sentence vectors a trained head pools to reports.

Sentences are encoded on their own: negation stays where it belongs, equal sentences are encoded
once where the encoder is frozen, and 200 words cost less than as one sequence.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from phantomloom.privacy.head import padded, sentences_of
from phantomloom.privacy.learner import Learner, rows_are
from phantomloom.privacy.method import Adapter

AT_ONCE = 64  # sentences that an encoder sees together


def adapt(encoder: Any, adapter: Adapter, seed: int) -> PeftModel:
    """Return ``encoder`` with adapters that change nothing yet, for B is 0; the rest is frozen.

    Raises:
        ValueError: if a target module or a layer is not in the encoder.
    """
    layers = list(adapter.layers) if adapter.layers is not None else None
    if layers is not None and not hasattr(getattr(encoder, "encoder", None), "layer"):
        raise ValueError("privacy.lora: this encoder shares its layers; say `layers: all`")
    if layers is not None and not all(0 <= n < len(encoder.encoder.layer) for n in layers):
        raise ValueError(
            f"privacy: lora.layers are {layers}, the encoder has {len(encoder.encoder.layer)}"
        )
    settings = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]
        target_modules=list(adapter.target_modules),
        layers_to_transform=layers,
        layers_pattern="layer" if layers is not None else None,
        lora_dropout=0.0,
    )
    with torch.random.fork_rng(devices=[]), _quiet_peft():
        torch.manual_seed(seed)  # of A at the start, which is public
        return get_peft_model(encoder, settings)  # type: ignore[arg-type]


class Classifier(nn.Module):
    """Encoder and head: logits of reports from the tokens of their sentences."""

    def __init__(self, encoder: nn.Module, head: nn.Module):
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        owner: Tensor,
        position: Tensor,
        extras: Tensor,
        offset: Tensor,
    ) -> Tensor:
        """Return logits [R, L]; sentence k is number ``position[k]`` of report ``owner[k]``.

        ids: token numbers [K, T], of which ``mask`` [K, T] is 1 where there is a token.
        """
        each = _mean_states(self.encoder, ids, mask, owner)
        vectors, present = padded(each, owner, position, len(offset))
        return self.head(vectors, present, extras, offset)


class Tokens(NamedTuple):
    """Reports as tokens of their sentences.

    ids: token numbers [K, T]; mask [K, T]; counts: sentences of each report, at least 1, [N];
    extras [N, E]; offset [N, L]. Where equal sentences are kept once, ``kept`` [M] says which one
    each sentence of each report is.
    """

    ids: Tensor
    mask: Tensor
    counts: np.ndarray
    extras: Tensor
    offset: Tensor
    kept: Tensor | None = None

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Return the inputs of ``Classifier`` for ``rows``, cut to the longest sentence."""
        sentence, owner, position = sentences_of(self.counts, rows)
        sentence = sentence if self.kept is None else self.kept[sentence]
        mask = self.mask[sentence]
        longest = int(mask.sum(1).max())
        ids, index = self.ids[sentence, :longest], torch.from_numpy(rows)
        parts = (ids, mask[:, :longest], owner, position, self.extras[index], self.offset[index])
        device = self.offset.device
        return tuple(part.to(device) for part in parts)


def learner(
    classifier: Classifier,
    tokens: Tokens,
    targets: Tensor,
    weights: Tensor | None = None,
    device: str = "cpu",
) -> Learner:
    """Return what trains adapter and head on ``device``; targets [N, L], see ``Learner``."""
    placed = tokens._replace(offset=tokens.offset.to(device))  # a batch goes where this is
    return Learner(classifier.to(device), placed.batch, targets, weights)


def tokenize(tokenizer: Any, sentences: Sequence[str], longest: int) -> tuple[Tensor, Tensor]:
    """Return token numbers and mask, [K, T]; sentences are cut to ``longest`` tokens."""
    out = tokenizer(
        list(sentences), padding=True, truncation=True, max_length=longest, return_tensors="pt"
    )
    return out["input_ids"], out["attention_mask"]


@torch.no_grad()
def vectors(encoder: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Return each sentence's mean token state, [K, D] on the CPU, by the frozen ``encoder``."""
    device = next(encoder.parameters()).device
    placed = (ids.to(device), mask.to(device), torch.arange(len(ids), device=device))
    return _mean_states(encoder.eval(), *placed).cpu()


def _mean_states(encoder: nn.Module, ids: Tensor, mask: Tensor, owner: Tensor) -> Tensor:
    """Return mean token states, [K, D]; sentences of like length go together, with less padding."""
    lengths = mask.sum(1)
    order = lengths.argsort(stable=True)
    out = []
    for part in order.split(AT_ONCE):
        longest = int(lengths[part[-1]])
        given, seen = ids[part, :longest], mask[part, :longest]
        with rows_are(owner[part]):
            hidden = encoder(input_ids=given, attention_mask=seen).last_hidden_state
        out.append((hidden * (seen / seen.sum(1, keepdim=True))[..., None]).sum(1))
    return torch.cat(out)[order.argsort()]


@contextmanager
def _quiet_peft() -> Iterator[None]:
    """Peft 0.21 asks transformers 5 for a property by its old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield
