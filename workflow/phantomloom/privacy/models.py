"""Language models to start from, with their tokenizers; see ``sources`` for where they are."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

SMALL: dict[
    str, dict[str, Any]
] = {  # shapes for networks that are fresh and only try the machinery
    "bert-small": {"model_type": "bert", "num_hidden_layers": 2},
    "bert-medium": {"model_type": "bert", "num_hidden_layers": 4},
    "albert-base": {"model_type": "albert", "num_hidden_layers": 3, "embedding_size": 16},
    "minilm": {"model_type": "bert", "num_hidden_layers": 3},
}


def load(path: Path, layers: int | None = None) -> tuple[torch.nn.Module, Any]:
    """Return encoder and tokenizer of ``path``, without dropout; ``layers`` keeps the first ones.

    The encoder takes input_ids and attention_mask, [K, T], and returns last_hidden_state
    [K, T, D]. All weights are frozen.
    """
    settings = {} if layers is None else {"num_hidden_layers": layers}
    transformers_logging.set_verbosity_error()  # it lists the pooler, which is left out on purpose
    transformers_logging.disable_progress_bar()
    config = AutoConfig.from_pretrained(path, local_files_only=True, **_NO_DROPOUT, **settings)
    model = AutoModel.from_pretrained(
        path, config=config, local_files_only=True, use_safetensors=True, **_NO_POOLER
    )
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, use_fast=True)
    return model.requires_grad_(False), tokenizer


def fresh(name: str, vocabulary: int, seed: int, width: int = 32) -> torch.nn.Module:
    """Return a small network of the architecture of ``name`` with random weights, for trials."""
    if name not in SMALL:
        raise ValueError(f"privacy: model is one of {', '.join(SMALL)}, not {name!r}")
    config = AutoConfig.for_model(
        **SMALL[name],
        **_NO_DROPOUT,
        vocab_size=vocabulary,
        hidden_size=width,
        num_attention_heads=4,
        intermediate_size=2 * width,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModel.from_config(config, **_NO_POOLER).requires_grad_(False)


_NO_DROPOUT: dict[str, Any] = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout_prob": 0.0,
}
_NO_POOLER = {"add_pooling_layer": False}
