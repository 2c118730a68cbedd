"""MONAI bundles of the shipped networks: metadata, configuration, weights, model card.

The layout is MONAI's bundle specification: ``configs/metadata.json``, ``configs/inference.json``,
``models/model.safetensors``, ``docs/README.md``.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from monai.bundle import ConfigParser
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from phantomloom.io import complete

METADATA, INFERENCE = Path("configs/metadata.json"), Path("configs/inference.json")
WEIGHTS, CARD = Path("models/model.safetensors"), Path("docs/README.md")


class Bundle(NamedTuple):
    """A network and what it needs to be applied."""

    network: nn.Module
    structures: tuple[str, ...]  # of the output channels, the background (channel 0) left out
    spacing_mm: float
    patch: tuple[int, int, int]
    training_cases: tuple[
        str, ...
    ]  # digests of the scans that it saw, see ``provenance.scan_identity``


def read(folder: Path) -> Bundle:
    """Return the bundle in ``folder`` with its weights as float32.

    Raises:
        FileNotFoundError: naming the file that is missing and where weights come from.
    """
    for part in (METADATA, INFERENCE, WEIGHTS):
        if not (folder / part).is_file():
            raise FileNotFoundError(
                f"{folder / part}: a MONAI bundle has this file; train it with "
                "`snakemake train`, or correct `weights` under segment.models in the config"
            )
    metadata = json.loads((folder / METADATA).read_text())
    settings = json.loads((folder / INFERENCE).read_text())
    network = ConfigParser({"network_def": settings["network_def"]}).get_parsed_content(
        "network_def"
    )
    weights = load_file(folder / WEIGHTS)
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    names = [channels[str(i)] for i in range(1, len(channels))]
    z, y, x = settings["patch"]
    cases = tuple(metadata["training_cases"])
    return Bundle(network.eval(), tuple(names), settings["spacing_mm"], (z, y, x), cases)


def write(
    folder: Path, weights: dict[str, Tensor], metadata: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Write a bundle without its card; weights are stored as float16."""
    for part, content in ((METADATA, metadata), (INFERENCE, settings)):
        with complete(folder / part) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n")
    with complete(folder / WEIGHTS) as partial:
        save_file({n: v.to(torch.float16).contiguous() for n, v in weights.items()}, partial)
