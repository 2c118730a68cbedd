"""Bundles of what training fitted: of the shared trunk and head a network for each model.

Of the weights that classes had in the loss part is taken back, see ``adjustment``.
"""

from pathlib import Path

from phantomloom.segmentation import bundle
from phantomloom.segmentation.training.adjustment import adjusted
from phantomloom.segmentation.training.loop import Fitted, Recipe, network_def
from phantomloom.segmentation.training.targets import split


def write(folder: Path, fitted: Fitted, recipe: Recipe, seen: tuple[str, ...] = ()) -> None:
    """Write a MONAI bundle for each model into ``folder``; ``seen`` are identities of scans."""
    z, y, x = recipe.patch
    for model, part in split(fitted.weights, fitted.learnt).items():
        names = fitted.learnt[model]
        part["head.bias"] = adjusted(part["head.bias"], fitted.voxels[model])
        about = bundle.About(f"PhantomLoom {model}", names, recipe.spacing_mm, (z, y, x), seen)
        bundle.write(folder / model, about, network_def(1 + len(names), recipe), part)
