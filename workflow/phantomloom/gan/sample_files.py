"""Files of sampled images: pictures, volumes in HU, and the list of what remakes each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from phantomloom.gan.latents import Column
from phantomloom.gan.pairs import unscaled
from phantomloom.gan.sampling import Sample
from phantomloom.io import complete, nifti
from phantomloom.volume import Volume


class Written(NamedTuple):
    """A row of the list of files: what remakes each; empty where it does not apply."""

    file: str
    mask: str
    seed: int
    truncation: float
    toward: int | None = None
    share: float | None = None
    smooth_slices: float | None = None


def write_pictures(samples: Iterable[Sample], folder: Path) -> list[Written]:
    """Write a PNG of each sample, MASK-NUMBER.png, and return what the list of files says.

    Greys go from -1 to 1, of CT over the window. A "/" in the name of a mask is a folder.
    """
    written: list[Written] = []
    counts: Counter[str] = Counter()
    for mask, latent, image in samples:
        counts[mask] += 1
        file = f"{mask}-{counts[mask]}.png"
        with complete(folder / file) as partial:
            picture(image).save(partial, format="PNG")
        share = None if latent.toward is None else latent.share
        written.append(Written(file, mask, latent.seed, latent.truncation, latent.toward, share))
    return written


def picture(image: Tensor) -> Image.Image:
    """Return [C, H, W] in -1 to 1 as a grey picture or, of three channels, in RGB."""
    levels = unscaled(image, 0, 255, np.uint8)
    return Image.fromarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, 2))


def write_volume(ct: Volume, mask: str, column: Column, path: Path) -> Written:
    """Write a sampled CT as NIfTI and return what the list of files says."""
    nifti.write(ct, path)
    seed, smooth_slices, truncation = column
    return Written(path.name, mask, seed, truncation, smooth_slices=smooth_slices)


def write_list(written: Sequence[Written], path: Path) -> None:
    """Write a table (TSV) of the files and what remakes each."""
    table = pd.DataFrame(written, columns=list(Written._fields)).astype({"toward": "Int64"})
    with complete(path) as partial:
        table.to_csv(partial, sep="\t", index=False)
