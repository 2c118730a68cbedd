"""Features of images by a network that the user brings.

A TorchScript file is a program: who loads it runs what its author wrote. Only files from a source
that is trusted belong here.
"""

import warnings
from pathlib import Path

import numpy as np
import torch

from phantomloom.gan.metrics.images import Images, batches


def lacking(path: Path | None, what: str) -> str | None:
    """Return why ``path`` cannot be read, in words for ``features.unavailable``, or None."""
    if path is None:
        return f"no {what} was named"
    return None if path.is_file() else f"{path} is not there"


def of_images(
    path: Path, images: Images, channels: int = 3, at_once: int = 64, device: str = "cpu"
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
        for batch in batches(images, at_once):
            repeated = batch.expand(-1, channels, -1, -1) if batch.shape[1] == 1 else batch
            rows.append(network(repeated.to(device)).float().cpu().numpy())
    found = np.concatenate(rows)
    if found.ndim != 2 or len(found) != len(images) or not np.isfinite(found).all():
        raise ValueError(
            f"{path}: features are finite numbers [{len(images)}, D]; these are {found.shape}"
        )
    return found


def _network(path: Path, device: str) -> torch.nn.Module:
    """Return the network in evaluation mode.

    TorchScript is on its way out, but known networks come as such, and what takes its place,
    ``torch.export.load``, unpickles.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.load` is", DeprecationWarning)
        return torch.jit.load(path, map_location=device).eval()
