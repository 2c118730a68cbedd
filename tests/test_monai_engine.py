"""The engine with networks whose answer is known, and against MONAI's own way to run them."""

import json
from importlib.util import find_spec
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from evil import Evil
from monai.bundle import ConfigParser
from monai.data.meta_tensor import MetaTensor
from monai.inferers import sliding_window_inference
from monai.transforms import ResampleToMatch
from safetensors.torch import load_file
from test_training import RECIPE

from phantomloom.segmentation import bundle
from phantomloom.segmentation.monai import segment, segment_together
from phantomloom.segmentation.network import BlockUNet
from phantomloom.segmentation.sliding import planes
from phantomloom.segmentation.training.loop import network_def
from phantomloom.segmentation.windows import windows
from phantomloom.structures import label
from phantomloom.volume import Volume

# MONAI warns whoever names no axis labels in Orientationd, which published bundles do not
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:monai")
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


@pytest.fixture
def noisy(tmp_path):
    """A bundle of a random convolution: its labels change with the slightest difference."""
    torch.manual_seed(1)
    structures = ("liver", "spleen", "stomach", "kidney_left")
    conv = {"in_channels": 3, "out_channels": 5, "kernel_size": 3, "padding": 1}
    about = bundle.About("Noise", structures, 3.0, (16, 24, 24), ())
    network = {"_target_": "torch.nn.Conv3d", **conv}
    bundle.write(tmp_path / "noise", about, network, torch.nn.Conv3d(**conv).state_dict())
    return tmp_path / "noise"


def smooth_scan(shape, spacing_mm):
    """A tilted ramp from -60 to 140 HU over the box, the same in every grid."""
    grids = [(np.arange(n) + 0.5) / n for n in shape]
    z, y, x = np.meshgrid(*grids, indexing="ij")
    return Volume(np.rint(200 * (0.2 * z + 0.3 * y + 0.5 * x) - 60).astype(np.int16), spacing_mm)


def random_scan(shape, spacing_mm=(3.0, 3.0, 3.0)):
    hu = np.random.default_rng(0).normal(0, 300, shape)
    return Volume(hu.astype(np.int16), spacing_mm, (10.0, -20.0, 30.0))


def test_on_the_networks_own_grid_every_voxel_is_decided_as_the_network_does(threshold):
    ct = smooth_scan((20, 22, 24), (3.0, 3.0, 3.0))
    labels, confidence, scans = segment(ct, threshold, "cpu")
    assert ((labels.array == label("liver")) == (ct.array > LIVER_ABOVE_HU)).all()
    assert set(np.unique(labels.array)) == {0, label("liver")}
    assert 0.5 < confidence["liver"].probability <= 1
    assert scans == ("abc",)


def test_confidence_is_the_softmax_of_the_voxels_and_the_entropy_at_the_boundary(threshold):
    """Against the logistic function by hand: the two classes differ by 50 times the channel."""
    ct = smooth_scan((20, 22, 24), (3.0, 3.0, 3.0))
    labels, confidence, _ = segment(ct, threshold, "cpu")
    liver = labels.array == label("liver")
    p = 1 / (1 + np.exp(-50 * (2 * (ct.array.astype(float) + 160) / 400 - 1)))
    assert confidence["liver"].probability == pytest.approx(p[liver].mean(), abs=1e-3)
    near = np.zeros_like(liver)
    for axis in range(3):
        differs = np.moveaxis(np.diff(liver, axis=axis) != 0, axis, 0)
        edge = np.moveaxis(near, axis, 0)
        edge[1:] |= differs
        edge[:-1] |= differs
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.nan_to_num(-p * np.log2(p) - (1 - p) * np.log2(1 - p))
    expected = bits[near & liver].mean()
    assert expected > 0.1
    assert confidence["liver"].boundary_entropy_bits == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("factors", [(1, 3, 3), (2, 1, 3), (0.5, 2, 2)])
def test_on_another_grid_the_border_is_where_it_was(threshold, factors):
    shape = tuple(int(20 * f) for f in factors)
    ct = smooth_scan(shape, tuple(3.0 / f for f in factors))
    labels = segment(ct, threshold, "cpu").labels
    clear = np.abs(ct.array - LIVER_ABOVE_HU) > 8  # half a voxel of the network
    wrong = (labels.array == label("liver")) != (ct.array > LIVER_ABOVE_HU)
    assert labels.same_grid(ct)
    assert not (wrong & clear)[1:-1, 1:-1, 1:-1].any()


@pytest.mark.parametrize("shape", [(16, 24, 24), (40, 50, 61), (9, 30, 23), (17, 24, 25)])
def test_labels_are_those_of_monais_own_sliding_windows(noisy, shape):
    ct = random_scan(shape)
    image = windows(torch.from_numpy(ct.array.astype(np.float32))[None, None])
    network = bundle.read(noisy).network.network
    with torch.inference_mode():
        scores = sliding_window_inference(
            image, (16, 24, 24), 1, network, 0.5, mode="gaussian", cval=-1.0
        )
    structures = np.array([0, *map(label, bundle.about(noisy).structures)])
    expected = structures[scores[0].argmax(0).numpy()]
    assert len(np.unique(expected)) == 5
    assert (segment(ct, noisy, "cpu").labels.array == expected).all()


def write_foreign_bundle(folder, axes, names, weights="models/model.pt"):
    """A bundle as MONAI describes them: transforms, an inferer, weights from torch.save."""
    torch.manual_seed(2)
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    channels = {str(i): name for i, name in enumerate(["background", *names])}
    metadata = {"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}}
    (folder / "configs/metadata.json").write_text(json.dumps(metadata))
    keys = {"keys": "image"}
    inference = {
        "imports": ["$import torch", "$import monai"],
        "bundle_root": ".",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": {
            "_target_": "torch.nn.Conv3d",
            "in_channels": 1,
            "out_channels": len(channels),
            "kernel_size": [3, 1, 5],  # blurs axes unlike, so that turning them would show
            "padding": [1, 0, 2],
        },
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", **keys},
                {"_target_": "EnsureChannelFirstd", **keys},
                {"_target_": "Orientationd", **keys, "axcodes": axes},
                {"_target_": "Spacingd", **keys, "pixdim": [5.5, 6.0, 6.5], "mode": "bilinear"},
                {"_target_": "NormalizeIntensityd", **keys},
                {"_target_": "Flipd", **keys, "spatial_axis": 0, "_disabled_": True},
                "$monai.transforms.EnsureTyped(keys='image')",
            ],
        },
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [8, 12, 16],
            "overlap": 0.25,
            "mode": "gaussian",
            "padding_mode": "replicate",
        },
    }
    (folder / "configs/inference.json").write_text(json.dumps(inference))
    network = ConfigParser(inference).get_parsed_content("network_def")
    torch.save(network.state_dict(), folder / weights)
    return inference, network


with_nibabel = pytest.mark.skipif(
    find_spec("nibabel") is None,
    reason="MONAI reads NIfTI by nibabel, which `make extras` installs",
)


@with_nibabel
@pytest.mark.parametrize("axes", ["RAS", "LPS", "SRA", "IPR"])
def test_a_published_bundle_gives_what_monai_makes_of_it(tmp_path, axes):
    """Its own transforms and inferer on the same image, back through MONAI's own inversion."""
    inference, network = write_foreign_bundle(tmp_path / "b", axes, ["liver", "spleen"])
    hu = np.random.default_rng(0).normal(0, 300, (20, 22, 30)).astype(np.int16)
    ct = Volume(hu, (5.0, 4.0, 3.0), (-40.0, 20.0, 60.0))
    affine = np.diag([-3.0, -4.0, 5.0, 1.0])
    affine[:3, 3] = (-60, -20, -40)
    image = {"image": MetaTensor(torch.from_numpy(hu.T.astype(np.float32))[None], affine=affine)}
    parser = ConfigParser(inference)
    for i in (2, 3, 4):
        step = parser.get_parsed_content(f"preprocessing::transforms::{i}")
        image = step(image)
    with torch.inference_mode():
        scores = parser.get_parsed_content("inferer")(image["image"][None], network)[0]
    plain = scores.softmax(0).as_subclass(torch.Tensor)
    probabilities = MetaTensor(plain, affine=image["image"].affine)
    found = segment(ct, tmp_path / "b", "cpu")
    like = MetaTensor(torch.from_numpy(hu.T.astype(np.float32))[None], affine=affine)
    back = ResampleToMatch(mode="bilinear", padding_mode="border")(probabilities, like)
    expected = np.array([0, label("liver"), label("spleen")])[back.argmax(0).numpy().T]
    inside = np.zeros(ct.array.shape, bool)
    inside[2:-2, 2:-2, 2:-2] = True
    agrees = found.labels.array == expected
    assert agrees[inside].mean() > 0.999
    assert found.training_scans is None


@pytest.mark.parametrize("mode, value", [("constant", -3.0), ("replicate", 0.0)])
def test_an_image_smaller_than_a_window_is_padded_as_its_bundle_says(tmp_path, mode, value):
    write_foreign_bundle(tmp_path / "b", "RAS", ["liver"])
    file = tmp_path / "b/configs/inference.json"
    content = json.loads(file.read_text())
    content["inferer"] |= {"padding_mode": mode, "cval": value}
    file.write_text(json.dumps(content))
    model = bundle.read(tmp_path / "b")
    image = torch.randn(1, 1, 5, 9, 20, generator=torch.Generator().manual_seed(0))
    inferer = ConfigParser(content).get_parsed_content("inferer")
    with torch.inference_mode():
        expected = inferer(image, model.network)[0]
    found = torch.stack(list(planes(image, model.network, model.windows, "cpu")), 1)
    torch.testing.assert_close(found, expected)


def test_a_published_bundle_may_name_classes_as_other_tools_do(tmp_path):
    write_foreign_bundle(tmp_path / "b", "RAS", ["left kidney", "vertebrae_S1"])
    assert bundle.read(tmp_path / "b").ids == (0, label("kidney_left"), label("sacrum"))


def test_classes_that_no_structure_goes_by_are_all_named(tmp_path):
    write_foreign_bundle(tmp_path / "b", "RAS", ["liver", "livr", "spln"])
    with pytest.raises(ValueError, match="livr, spln"):
        bundle.read(tmp_path / "b")


@with_nibabel
def test_a_network_of_other_outputs_than_the_metadata_name_is_refused(tmp_path):
    write_foreign_bundle(tmp_path / "b", "RAS", ["liver", "spleen"])
    file = tmp_path / "b/configs/metadata.json"
    file.write_text(file.read_text().replace(', "2": "spleen"', ""))
    with pytest.raises(ValueError, match=r"3 output channels, .*metadata\.json names 2"):
        segment(random_scan((20, 22, 30)), tmp_path / "b", "cpu")


def test_a_pickle_that_is_more_than_weights_is_refused_and_does_not_run(tmp_path):
    write_foreign_bundle(tmp_path / "b", "RAS", ["liver"])
    torch.save({"model": Evil(tmp_path / "victim")}, tmp_path / "b/models/model.pt")
    with pytest.raises(UnpicklingError):
        bundle.read(tmp_path / "b")
    assert not (tmp_path / "victim").exists()


def test_weights_are_kept_as_half_floats_and_read_as_single(threshold):
    assert load_file(threshold / bundle.WEIGHTS)["weight"].dtype == torch.float16
    assert bundle.read(threshold).network.network.weight.dtype == torch.float32


def test_a_missing_part_is_named_with_the_cure(threshold):
    (threshold / bundle.WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors.*snakemake train"):
        bundle.read(threshold)


def of_one_training(folder, seeds):
    """Bundles of one trunk each seed, whose heads differ."""
    classes = {"abdomen": ("liver", "spleen"), "torso": ("aorta",), "body": ("muscles", "bones")}
    paths = {}
    for seed, (name, structures) in zip(seeds, classes.items(), strict=True):
        torch.manual_seed(seed)
        network = BlockUNet(3, 1 + len(structures), RECIPE.features)
        torch.nn.init.normal_(network.head.weight)
        weights = {key: value.detach() for key, value in network.named_parameters()}
        about = bundle.About(name, structures, 3.0, (16, 32, 32), ("abc",))
        paths[name] = folder / name
        bundle.write(paths[name], about, network_def(1 + len(structures), RECIPE), weights)
    return paths


def test_networks_of_one_trunk_find_together_what_each_finds_alone(tmp_path):
    paths, ct = of_one_training(tmp_path, (3, 3, 3)), random_scan((20, 40, 36), (2.5, 3.0, 3.5))
    together = segment_together(ct, paths, "cpu")
    assert list(together) == list(paths)
    for name, path in paths.items():
        alone = segment(ct, path, "cpu")
        assert len(np.unique(alone.labels.array)) > 1
        assert (together[name].labels.array == alone.labels.array).all()
        assert together[name].confidence == alone.confidence
        assert together[name].training_scans == alone.training_scans


def test_networks_of_several_trunks_are_not_applied_together(tmp_path, noisy):
    paths, ct = of_one_training(tmp_path, (3, 4, 3)), random_scan((16, 32, 32))
    with pytest.raises(ValueError, match="one trunk"):
        segment_together(ct, paths, "cpu")
    with pytest.raises(ValueError, match="PhantomLoom trained"):
        segment_together(ct, {"noise": noisy}, "cpu")
