"""What an engine costs, beside the same network run plainly."""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.inferers import SlidingWindowInferer
from torch import Tensor, nn
from torch.nn.functional import interpolate

from phantomloom.schemes import classes_of
from phantomloom.segmentation import bundle, nnunet, nnunet_scores
from phantomloom.segmentation.checkpoints import loading_checkpoints
from phantomloom.segmentation.outside_networks import train
from phantomloom.segmentation.sliding import Windows
from phantomloom.structures import structures
from phantomloom.volume import Triple, Volume

FAST = 297  # number of TotalSegmentator's data set of 3 mm
SIZE = {"window": (64, 96, 96), "features": (24, 48, 96, 128)}


class Cost(NamedTuple):
    """Of one call in a process of its own, imports not counted."""

    seconds: float
    memory_mb: float  # largest resident set of the process, all it loaded included
    result: Any


def cost(work: Callable[..., Any], *arguments: Any) -> Cost:
    """Return what ``work(*arguments)``, a function of a module, costs on one thread."""
    # forked, since a new interpreter would run the job's script again
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as process:
        return process.submit(_cost, work, arguments).result()


def _cost(work: Callable[..., Any], arguments: tuple) -> Cost:
    torch.set_num_threads(1)
    start = perf_counter()
    result = work(*arguments)
    seconds = perf_counter() - start
    return Cost(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, result)


def network_of_nnunet(folder: Path) -> Path:
    """Make a network of nnU-Net's kind in ``folder``: random weights, 41 classes, a real size."""
    classes = {row.name: i for i, row in enumerate(islice(structures().values(), 40), 1)}
    return train(folder, "Dataset900_Trial", classes, **SIZE)


def network_of_totalsegmentator(folder: Path) -> Path:
    """Make its fast network, 118 classes at 3 mm, likewise; return its folder of weights."""
    classes = {foreign.name: foreign.id for foreign in classes_of("total")}
    trainer = "nnUNetTrainer_4000epochs_NoMirroring"
    with loading_checkpoints():
        train(
            folder,
            f"Dataset{FAST}_TotalSegmentator_total_3mm_1559subj",
            classes,
            trainer=trainer,
            **SIZE,
        )
    return folder / "results"


def labels(engine: str, ct: Volume, weights: Path, settings: dict[str, Any]) -> np.ndarray:
    """Return the ids [Z, Y, X] that an engine finds in ``ct`` on the CPU."""
    module = import_module(f"phantomloom.segmentation.{engine}")
    return module.segment(ct, weights, "cpu", **settings).labels.array


def tiled(ct: Volume, shape: tuple[int, int, int], spacing_mm: Triple) -> Volume:
    """Return a scan of any size made of copies of ``ct``: large, and with anatomy in it."""
    index = [
        (np.arange(n) * mm / step).astype(int) % size
        for n, mm, step, size in zip(shape, spacing_mm, ct.spacing_mm, ct.array.shape, strict=True)
    ]
    return Volume(ct.array[np.ix_(*index)], spacing_mm)


def plain_bundle(ct: Volume, weights: Path) -> np.ndarray:
    """Return the class of each voxel [Z, Y, X] of ``ct`` that a bundle gives in MONAI's hands."""
    model = bundle.read(weights)
    image, _, _ = model.prepare(ct)
    return _plain(model.network, image, model.windows, ct)


def plain_nnunet(ct: Volume, weights: Path) -> np.ndarray:
    """Return likewise what a network of nnU-Net gives, prepared by nnU-Net."""
    predictor = nnunet.load(weights, ["0"], "cpu", mirroring=False)
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    data, _ = nnunet_scores.prepared(predictor, ct.array, ct.spacing_mm)
    windows = Windows(tuple(predictor.configuration_manager.patch_size))
    return _plain(predictor.network, torch.from_numpy(data)[None], windows, ct)


def plain_totalsegmentator(ct: Volume, weights: Path) -> np.ndarray:
    """Return likewise what the fast network of TotalSegmentator gives, without the package."""
    with loading_checkpoints():
        return plain_nnunet(ct, nnunet.trained(weights, FAST))


def _plain(network: nn.Module, image: Tensor, windows: Windows, ct: Volume) -> np.ndarray:
    """Return the class of each voxel: scores of the whole scan at once, then interpolated."""
    whole = SlidingWindowInferer(
        windows.patch, 1, windows.overlap, windows.blend, padding_mode=windows.padding
    )
    with torch.inference_mode():
        probabilities = torch.as_tensor(whole(image, network.eval())).softmax(1)
        return interpolate(probabilities, ct.array.shape, mode="trilinear")[0].argmax(0).numpy()
