"""Whether settings fit a language model, by its config.json: to be asked before any job runs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def check_public(folder: Path, network: str, settings: Mapping[str, Any]) -> None:
    """Check that the encoder in ``folder`` has the layers that are to learn publicly.

    Raises:
        ValueError: naming the key.
    """
    layers = _layers(folder)
    if settings["layers"] != "all" and settings["layers"] > layers:
        raise ValueError(
            f"privacy.models.{network}.public.layers, else privacy.public.layers: "
            f"{settings['layers']}; allowed: {_allowed(f'1 to {layers}', layers, folder)}"
        )


def check_methods(
    folder: Path, network: str, level: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Check that ``rows`` of ``privacy.methods`` want no more than the encoder in ``folder`` has.

    Raises:
        ValueError: naming the key.
    """
    layers, width = _layers(folder), _told(folder)["hidden_size"]
    for row in rows:
        if row.get("directions", 0) > width:
            raise ValueError(
                f"privacy.methods.{level}: directions {row['directions']}; allowed: up to {width}, "
                f"which is hidden_size in {folder / 'config.json'}"
            )
        wanted = row.get("adapter", {}).get("layers", "all")
        if wanted != "all" and max(wanted) >= layers:
            raise ValueError(
                f"privacy.models.{network}.lora.layers, else privacy.lora.layers: {wanted}; "
                f"allowed: {_allowed(f'0 to {layers - 1}', layers, folder)}"
            )


def _told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def _layers(folder: Path) -> int:
    """Return how many layers have weights of their own; none of ALBERT's has."""
    told = _told(folder)
    return 0 if told["model_type"] == "albert" else told["num_hidden_layers"]


def _allowed(numbers: str, layers: int, folder: Path) -> str:
    if not layers:
        return f"all, as {folder / 'config.json'} is of an encoder that shares its layers"
    return f"{numbers}, or all, as num_hidden_layers in {folder / 'config.json'} is {layers}"
