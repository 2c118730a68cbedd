"""MONAI bundles: those that we train, and those of others.

Both have the layout of MONAI's bundle specification: ``configs/metadata.json`` with the classes,
``configs/inference.json`` with the network, ``models/`` with its weights. Ours say in
``inference.json`` the ``spacing_mm`` and the ``patch`` that they work on; those of others bring
transforms (``preprocessing``) and a sliding window ``inferer``.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import monai
import torch
from monai.bundle import ConfigParser
from monai.inferers import SlidingWindowInferer
from safetensors.torch import load_file, load_model, save_file
from torch import Tensor, nn

import phantomloom
from phantomloom.io import complete
from phantomloom.schemes import ids_of
from phantomloom.segmentation.network import BlockUNet, with_all_heads
from phantomloom.segmentation.prepared import Prepared, at_spacing, by_transforms
from phantomloom.segmentation.sliding import Windows
from phantomloom.segmentation.windows import AIR_HU, WINDOWS_HU, SeesHU
from phantomloom.structures import label
from phantomloom.volume import Volume

METADATA, INFERENCE = Path("configs/metadata.json"), Path("configs/inference.json")
WEIGHTS, CARD = Path("models/model.safetensors"), Path("docs/README.md")
FROM_FILE = ("LoadImage", "EnsureChannelFirst")  # transforms that a CT in memory does not need
FOREIGN_WEIGHTS = (Path("models/model.pt"), Path("models/model.pth"))


class About(NamedTuple):
    """What one must know of a network of ours to apply it."""

    name: str
    structures: tuple[str, ...]  # of the output channels after the background, channel 0
    spacing_mm: float  # isotropic grid that it works on
    patch: tuple[int, int, int]  # voxels (z, y, x) of a sliding window
    training_scans: tuple[str, ...]  # that it saw, see ``provenance.scan_identity``


class Model(NamedTuple):
    """A network ready to be applied."""

    network: nn.Module
    ids: tuple[int, ...]  # structure of each output channel; 0: background, or deliberately none
    windows: Windows
    prepare: Callable[[Volume], Prepared]
    training_scans: tuple[str, ...] | None  # None: the bundle does not say


def read(folder: Path) -> Model:
    """Return the network in ``folder``, its weights as float32, and how it is applied.

    A bundle of others is code: its ``inference.json`` may run any Python, as MONAI means it to.

    Raises:
        FileNotFoundError: naming the file that is missing and where weights come from.
        ValueError: if the bundle names classes that no structure goes by, or cannot be applied.
    """
    for part in (METADATA, INFERENCE):
        _present(folder, [part])
    settings = json.loads((folder / INFERENCE).read_text())
    return _ours(folder, settings) if "spacing_mm" in settings else _foreign(folder)


def joined(models: Sequence[Model]) -> Model:
    """Return one network of ours that gives the scores of all ``models``, their trunk run once.

    Raises:
        ValueError: if they have no common trunk.
    """
    networks = [getattr(model.network, "network", None) for model in models]
    ours = [network for network in networks if isinstance(network, BlockUNet)]
    if len(ours) < len(models):
        raise ValueError("only networks that PhantomLoom trained have a trunk in common")
    ids = tuple(i for model in models for i in model.ids)
    return models[0]._replace(network=SeesHU(with_all_heads(ours)), ids=ids)


def _present(folder: Path, parts: Sequence[Path]) -> Path:
    """Return the first of ``parts`` that is there."""
    for part in parts:
        if (folder / part).is_file():
            return folder / part
    raise FileNotFoundError(
        f"{folder / parts[0]}: a MONAI bundle has this file; train it with `snakemake train`, or "
        "put a published bundle there, or correct `weights` under segment.models in the config"
    )


def _ours(folder: Path, settings: dict[str, Any]) -> Model:
    file = _present(folder, [WEIGHTS])
    network = ConfigParser({"network_def": settings["network_def"]}).get_parsed_content(
        "network_def"
    )
    load_model(network, file)
    its = about(folder)
    return Model(
        SeesHU(network).eval(),
        (0, *map(label, its.structures)),
        Windows(its.patch, padding=settings["padding_mode"], padding_value=settings["cval"]),
        partial(at_spacing, spacing_mm=its.spacing_mm),
        its.training_scans,
    )


def _foreign(folder: Path) -> Model:
    parser = ConfigParser()
    parser.read_config(folder / INFERENCE)
    parser.read_meta(folder / METADATA)
    parser["bundle_root"] = str(folder)
    parser["device"] = "$__import__('torch').device('cpu')"  # the engine moves it
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(_state(folder))
    for i, step in enumerate(parser["preprocessing"]["transforms"]):
        if isinstance(step, dict) and step["_target_"].split(".")[-1].startswith(FROM_FILE):
            parser[f"preprocessing::transforms::{i}::_disabled_"] = True
    transforms = parser.get_parsed_content("preprocessing").transforms
    return Model(
        network.eval(),
        tuple(ids_of(_classes(folder), str(folder / METADATA)).tolist()),
        _windows(parser.get_parsed_content("inferer")),
        partial(by_transforms, transforms=transforms),
        None,
    )


def _state(folder: Path) -> dict[str, Tensor]:
    file = _present(folder, [*FOREIGN_WEIGHTS, WEIGHTS])
    if file.suffix == ".safetensors":
        return load_file(file)
    content = torch.load(file, map_location="cpu", weights_only=True)
    return content.get("model", content)  # MONAI's checkpoints hold more than one state


def _windows(inferer: Any) -> Windows:
    """Return what a sliding window inferer of MONAI does."""
    if not isinstance(inferer, SlidingWindowInferer):
        raise ValueError(f"a bundle needs a SlidingWindowInferer; its inferer is {inferer!r}")
    patch, overlap, sigma = inferer.roi_size, inferer.overlap, inferer.sigma_scale
    if (
        not isinstance(patch, Sequence)
        or isinstance(overlap, Sequence)
        or isinstance(sigma, Sequence)
    ):
        raise ValueError(
            f"an inferer needs a roi_size along each axis and one overlap: {patch}, {overlap}"
        )
    padding = inferer.padding_mode, inferer.cval
    return Windows(tuple(patch), overlap, inferer.mode, sigma, *padding)


def _classes(folder: Path) -> dict[int, str]:
    """Return the names of the output channels after the background, channel 0."""
    metadata = json.loads((folder / METADATA).read_text())
    channels = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    if sorted(map(int, channels)) != list(range(len(channels))):
        raise ValueError(f"{folder / METADATA}: channel_def has gaps: {', '.join(channels)}")
    return {i: channels[str(i)] for i in range(1, len(channels))}


def about(folder: Path) -> About:
    """Return what the bundle in ``folder`` says of itself."""
    metadata = json.loads((folder / METADATA).read_text())
    settings = json.loads((folder / INFERENCE).read_text())
    z, y, x = settings["patch"]
    return About(
        name=metadata["name"],
        structures=tuple(_classes(folder).values()),
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
        "padding_mode": "constant",  # as training shows what lies beyond a scan
        "cval": AIR_HU,
    }
    for part, content in ((METADATA, _metadata(about)), (INFERENCE, inference)):
        with complete(folder / part) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1) + "\n")
    with complete(folder / WEIGHTS) as unfinished:
        save_file({n: v.to(torch.float16).contiguous() for n, v in weights.items()}, unfinished)


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
