"""Weights of a recipe kept in the checkout: what begins with them need not train them first."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

TOLD = ("settings", "learnt", "voxels")  # by the metadata of weights


def check_kept(path: Path, settings: dict[str, Any], key: str) -> None:
    """Check that the weights in ``path``, written by ``Fitted.write``, are of such settings.

    Args:
        path: a safetensors file.
        settings: those of the recipe, the network and the people, as the config has them.
        key: of the config that names the file.

    Raises:
        FileNotFoundError, ValueError: if the file is not there, or no such file, or the recipe has
            changed since.
    """
    remedy = "set it to null to train them anew (hours on two cores)"
    if not path.is_file():
        raise FileNotFoundError(f"{key}: there are no weights {path}; {remedy}")
    try:
        with safe_open(path, framework="np") as file:
            taught, *_ = (json.loads(file.metadata()[name]) for name in TOLD)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{key}: {path} holds no weights of a training run; {remedy}") from error
    wrong = [
        f"{name} {taught.get(name)} ({value} in the config)"
        for name, value in settings.items()
        if name != "save_every" and taught.get(name) != value
    ]
    if wrong:
        raise ValueError(f"{key}: {path} was trained with {', '.join(wrong)}; {remedy}")
