"""What a network of nnU-Net scores on a CT, one class after the other.

nnU-Net resamples the scores of all classes to the CT's grid at once, 32 GB for 62 classes of a
512 x 512 x 1000 scan. Here each class is resampled alone, which gives the same scores.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from phantomloom.volume import Triple, Volume

said = logging.getLogger("phantomloom.segment")

SCORES_BYTES = 2 * 2**30  # of the scores of all classes in memory; more are kept in a file
OUTSIDE = 100.0  # score of the background where nnU-Net looks at nothing; a class scores 0 there


def prepared(
    predictor: Any, image: np.ndarray, spacing_mm: Triple
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return HU [Z, Y, X] as the network takes them, [1, Z, Y, X], and nnU-Net's notes on that."""
    configuration = predictor.configuration_manager
    data, _, properties = configuration.preprocessor_class(verbose=False).run_case_npy(
        image[None],
        None,
        {"spacing": list(spacing_mm)},
        predictor.plans_manager,
        configuration,
        predictor.dataset_json,
    )
    return data, properties


def scores_of(predictor: Any, ct: Volume, image: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the scores [Z, Y, X] of each class on the grid of ``image``, background first."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    data, properties = prepared(predictor, image, ct.spacing_mm)
    cropped = properties["shape_after_cropping_and_before_resampling"]
    box = tuple(slice(*ends) for ends in properties["bbox_used_for_cropping"])
    spacing_mm = [ct.spacing_mm[axis] for axis in plans.transpose_forward]
    said.info("%s voxels in windows of %s", data.shape[1:], configuration.patch_size)
    for index, channel in enumerate(_on_its_grid(predictor, data)):
        whole = np.full(properties["shape_before_cropping"], OUTSIDE * (index == 0), np.float16)
        whole[box] = _resampled(channel, cropped, configuration, spacing_mm)
        yield whole.transpose(plans.transpose_backward)


def _resampled(
    channel: np.ndarray, shape: Sequence[int], configuration: Any, spacing_mm: Sequence[float]
) -> np.ndarray:
    """Return the scores [1, Z, Y, X] of a class in ``shape``, as nnU-Net resamples them.

    Where that is plainly linear, PyTorch does the same in a third of the time.
    """
    from nnunetv2.preprocessing.resampling.default_resampling import determine_do_sep_z_and_axis

    its = configuration.configuration
    how = its["resampling_fn_probabilities_kwargs"]
    if its["resampling_fn_probabilities"] == "resample_data_or_seg_to_shape" and how["order"] == 1:
        separate = how["force_separate_z"], configuration.spacing, spacing_mm
        if not determine_do_sep_z_and_axis(*separate)[0]:
            exact = torch.from_numpy(channel)[None].double()  # rounded as nnU-Net rounds
            return interpolate(exact, tuple(shape), mode="trilinear")[0, 0].numpy()
    resampled = configuration.resampling_fn_probabilities(
        channel, shape, configuration.spacing, spacing_mm
    )
    return resampled[0]


def _on_its_grid(predictor: Any, data: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the scores [1, Z, Y, X] float16 of each class on the network's grid."""
    classes = predictor.label_manager.num_segmentation_heads
    copies = min(2, len(predictor.list_of_parameters))  # nnU-Net adds up the folds
    if copies * classes * data.size * 2 <= SCORES_BYTES:
        scores = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data))
        yield from scores.numpy()[:, None]
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "scores"
        shape, inner = _fill(file, predictor, torch.from_numpy(data), classes)
        size = prod(shape)
        for c in range(classes):
            channel = np.fromfile(file, np.float16, size, offset=2 * c * size)
            yield channel.reshape(1, *shape)[inner]


def _fill(
    file: Path, predictor: Any, data: Tensor, classes: int
) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    """Write the scores [classes, Z, Y, X] float16, one layer of windows after the other.

    Return [Z, Y, X], at least as large as a window, and where in it ``data`` lies.
    nnU-Net's weighted mean over all windows is here the mean over layers, weighted by the sum of
    the weights of a layer's windows. It differs by the rounding of half precision.
    """
    from acvl_utils.cropping_and_padding.padding import pad_nd_image
    from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window

    patch = tuple(predictor.configuration_manager.patch_size)
    image, inner = pad_nd_image(data, patch, "constant", {"value": 0}, True, None)
    shape = tuple(image.shape[1:])
    steps = compute_steps_for_sliding_window(shape, patch, predictor.tile_step_size)
    layer = _layer_weight(patch, shape, steps)
    total = np.zeros(shape, np.float32)
    for z in steps[0]:
        total[z : z + patch[0]] += layer
    np.memmap(file, np.float16, "w+", shape=(classes, *shape)).flush()
    for z in steps[0]:
        planes = slice(z, z + patch[0])
        scores = predictor.predict_logits_from_preprocessed_data(image[:, planes])
        part = layer / total[planes]
        written = np.memmap(file, np.float16, "r+", shape=(classes, *shape))
        for c in range(classes):
            written[c, planes] += (scores[c].numpy() * part).astype(np.float16)
        del written  # its pages would count as this job's memory
    return shape, inner


def _layer_weight(patch: tuple, shape: tuple, steps: list[list[int]]) -> np.ndarray:
    """Return the sum of the weights of the windows side by side, [patch z, Y, X]."""
    from nnunetv2.inference.sliding_window_prediction import compute_gaussian

    device = torch.device("cpu")
    window = compute_gaussian(patch, sigma_scale=1 / 8, value_scaling_factor=10, device=device)
    weight = np.zeros((patch[0], *shape[1:]), np.float32)
    for y, x in product(*steps[1:]):
        weight[:, y : y + patch[1], x : x + patch[2]] += window.float().numpy()
    return weight
