"""The engine with networks whose answer is known: a threshold and a shift, as real bundles."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from phantomloom.segmentation import bundle
from phantomloom.segmentation.monai import segment, training_scans
from phantomloom.structures import label
from phantomloom.volume import Volume

LIVER_ABOVE_HU = 40.0  # the middle of the soft tissue window


@pytest.fixture
def threshold(tmp_path):
    """A bundle whose network, one 1 x 1 x 1 convolution, calls everything over 40 HU liver."""
    weights = {"weight": torch.zeros(2, 3, 1, 1, 1), "bias": torch.zeros(2)}
    weights["weight"][1, 0] = 50
    about = bundle.About("Liver", ("liver",), 3.0, (16, 16, 16), ("abc",))
    network = {"_target_": "torch.nn.Conv3d", "in_channels": 3, "out_channels": 2, "kernel_size": 1}
    bundle.write(tmp_path / "liver", about, network, weights)
    return tmp_path / "liver"


def smooth_scan(shape, spacing_mm):
    """A tilted ramp from -60 to 140 HU over the box, the same in every grid."""
    grids = [(np.arange(n) + 0.5) / n for n in shape]
    z, y, x = np.meshgrid(*grids, indexing="ij")
    return Volume(np.rint(200 * (0.2 * z + 0.3 * y + 0.5 * x) - 60).astype(np.int16), spacing_mm)


def test_on_the_networks_own_grid_every_voxel_is_decided_as_the_network_does(threshold):
    ct = smooth_scan((20, 22, 24), (3.0, 3.0, 3.0))
    labels, confidence = segment(ct, threshold, "cpu")
    assert ((labels.array == label("liver")) == (ct.array > LIVER_ABOVE_HU)).all()
    assert set(np.unique(labels.array)) == {0, label("liver")}
    assert 0.5 < confidence["liver"] <= 1


@pytest.mark.parametrize("factors", [(1, 3, 3), (2, 1, 3), (0.5, 2, 2)])
def test_on_another_grid_the_border_is_where_it_was(threshold, factors):
    shape = tuple(int(20 * f) for f in factors)
    ct = smooth_scan(shape, tuple(3.0 / f for f in factors))
    labels, _ = segment(ct, threshold, "cpu")
    clear = np.abs(ct.array - LIVER_ABOVE_HU) > 8  # half a voxel of the network
    wrong = (labels.array == label("liver")) != (ct.array > LIVER_ABOVE_HU)
    assert labels.same_grid(ct)
    assert not (wrong & clear)[1:-1, 1:-1, 1:-1].any()


def test_weights_are_kept_as_half_floats_and_read_as_single(threshold):
    assert load_file(threshold / bundle.WEIGHTS)["weight"].dtype == torch.float16
    assert bundle.read(threshold)[0].weight.dtype == torch.float32
    assert training_scans(threshold) == ("abc",)


def test_a_missing_part_is_named_with_the_cure(threshold):
    (threshold / bundle.WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors.*snakemake train"):
        bundle.read(threshold)
