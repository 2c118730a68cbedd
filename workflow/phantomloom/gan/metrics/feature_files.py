"""Features of images from files that the user brings: the features themselves, or a network.

A TorchScript file is a program: who loads it runs what its author wrote. Only files from a source
that is trusted belong here. Files of features hold numbers alone and cannot run anything.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor

NAME = "features"  # of the array in a file of features


def lacking(path: Path | None, what: str) -> str | None:
    """Return why ``path`` cannot be read, in words for ``features.unavailable``, or None."""
    if path is None:
        return f"no {what} was named"
    return None if path.is_file() else f"{path} is not there"


def read(path: Path) -> np.ndarray:
    """Return the array "features" [N, D] of an .npz or .safetensors file.

    Raises:
        ValueError: if the file has another suffix, no such array, or not such a shape.
    """
    if path.suffix == ".safetensors":
        arrays = load_file(path)
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    else:
        raise ValueError(f"{path}: features come as .npz or .safetensors, not {path.suffix!r}")
    if NAME not in arrays:
        raise ValueError(f"{path}: no array {NAME!r}; it holds {', '.join(sorted(arrays))}")
    return _features(arrays[NAME], path)


def of_images(
    path: Path, images: Tensor, channels: int = 3, at_once: int = 64, device: str = "cpu"
) -> np.ndarray:
    """Return features [N, D] of ``images`` [N, C, H, W] in -1 to 1 by a TorchScript network.

    The network sees the images as they are, a single channel repeated to ``channels``; it does
    its own scaling. This runs the program in the file: see the head of this module.

    Raises:
        ValueError: if the network does not return one row of features for each image.
    """
    network = _network(path, device)
    rows = []
    with torch.no_grad():
        for batch in images.split(at_once):
            repeated = batch.expand(-1, channels, -1, -1) if batch.shape[1] == 1 else batch
            rows.append(network(repeated.to(device)).float().cpu().numpy())
    return _features(np.concatenate(rows), path, len(images))


def _network(path: Path, device: str) -> torch.nn.Module:
    """Return the network in evaluation mode.

    TorchScript is on its way out, but known networks come as such, and what takes its place,
    ``torch.export.load``, unpickles.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.load` is", DeprecationWarning)
        return torch.jit.load(path, map_location=device).eval()


def _features(array: np.ndarray, path: Path, count: int | None = None) -> np.ndarray:
    if array.ndim != 2 or count not in (None, len(array)) or not np.isfinite(array).all():
        wanted = "N" if count is None else count
        raise ValueError(
            f"{path}: features are finite numbers [{wanted}, D]; these are {array.shape}"
        )
    return array
