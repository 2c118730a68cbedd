"""MONAI bundles of the shipped networks: metadata, configuration, weights, model card.

The layout is MONAI's bundle specification: ``configs/metadata.json``, ``configs/inference.json``,
``models/model.safetensors``, ``docs/README.md``.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import monai
import torch
from monai.bundle import ConfigParser
from safetensors.torch import load_model, save_file
from torch import Tensor, nn

import phantomloom
from phantomloom.io import complete
from phantomloom.segmentation.windows import WINDOWS_HU

METADATA, INFERENCE = Path("configs/metadata.json"), Path("configs/inference.json")
WEIGHTS, CARD = Path("models/model.safetensors"), Path("docs/README.md")


class About(NamedTuple):
    """What one must know of a network to apply it."""

    name: str
    structures: tuple[str, ...]  # of the output channels after the background, channel 0
    spacing_mm: float  # isotropic grid that it works on
    patch: tuple[int, int, int]  # voxels (z, y, x) of a sliding window
    training_scans: tuple[str, ...]  # that it saw, see ``provenance.scan_identity``


def read(folder: Path) -> tuple[nn.Module, About]:
    """Return the network in ``folder`` with its weights as float32, and what it is.

    Raises:
        FileNotFoundError: naming the file that is missing and where weights come from.
    """
    for part in (METADATA, INFERENCE, WEIGHTS):
        if not (folder / part).is_file():
            raise FileNotFoundError(
                f"{folder / part}: a MONAI bundle has this file; train it with "
                "`snakemake train`, or correct `weights` under segment.models in the config"
            )
    settings = json.loads((folder / INFERENCE).read_text())
    parser = ConfigParser({"network_def": settings["network_def"]})
    network = parser.get_parsed_content("network_def")
    load_model(network, folder / WEIGHTS)
    return network.eval(), about(folder)


def about(folder: Path) -> About:
    """Return what the bundle in ``folder`` says of itself."""
    metadata = json.loads((folder / METADATA).read_text())
    settings = json.loads((folder / INFERENCE).read_text())
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    z, y, x = settings["patch"]
    return About(
        name=metadata["name"],
        structures=tuple(channels[str(i)] for i in range(1, len(channels))),
        spacing_mm=settings["spacing_mm"],
        patch=(z, y, x),
        training_scans=tuple(metadata["training_scans"]),
    )


def write(
    folder: Path, about: About, network_def: dict[str, Any], weights: dict[str, Tensor]
) -> None:
    """Write a bundle without its card; ``network_def`` names class and arguments, MONAI's way.

    Weights are stored as float16.
    """
    inference = {
        "network_def": network_def,
        "spacing_mm": about.spacing_mm,
        "patch": list(about.patch),
    }
    for part, content in ((METADATA, _metadata(about)), (INFERENCE, inference)):
        with complete(folder / part) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n")
    with complete(folder / WEIGHTS) as partial:
        save_file({n: v.to(torch.float16).contiguous() for n, v in weights.items()}, partial)


def _metadata(about: About) -> dict[str, Any]:
    image = {"type": "image", "format": "hounsfield", "num_channels": len(WINDOWS_HU)}
    channels = {str(i): name for i, name in enumerate(("background", *about.structures))}
    labels = {"type": "image", "format": "segmentation", "channel_def": channels}
    return {
        "name": about.name,
        "version": phantomloom.__version__,
        "monai_version": monai.__version__,
        "task": "CT segmentation",
        "license": "Apache-2.0",
        "training_scans": list(about.training_scans),
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": labels}},
    }
