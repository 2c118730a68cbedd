"""A generator's file gives back the same images; others are told apart."""

import pytest
import torch
from gan_pairs import Squares
from safetensors.torch import save_file

from phantomloom.gan import resolution, trained
from phantomloom.gan.pair import About
from phantomloom.gan.schedule import Growth
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import Trained

ABOUT = About(-160.0, 240.0, "HU", ("liver", "bone"), 4.5)


def generator(name, growth):
    variant, shape = trained.module_of(name), Shape(16, 1, 2)
    settings = variant.DEFAULTS._replace(features=4, augmentation=("cutout",))
    torch.manual_seed(0)
    network = variant.generator(shape, settings).to(memory_format=torch.channels_last)
    return Trained(network, name, shape, settings, growth, ABOUT)


@pytest.mark.parametrize("growth", [Growth(16), Growth(16, 0.25), Growth(8)])
@pytest.mark.parametrize("name", ["mask_embedding", "no_embedding", "modern"])
def test_what_is_read_samples_what_was_written(tmp_path, name, growth):
    one = generator(name, growth)
    one.write(tmp_path / "generator.safetensors")
    before = torch.random.get_rng_state()
    other = trained.read(tmp_path / "generator.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert other[1:] == one[1:]
    masks = Squares(3).masks.repeat(1, 2, 1, 1)
    noise = torch.randn(3, one.noise_size, generator=torch.Generator().manual_seed(0))
    images = one.sample(masks, noise)
    assert images.shape == (3, 1, 16, 16) and not images.requires_grad
    assert torch.equal(other.sample(masks, noise), images)


def test_a_generator_that_is_not_grown_repeats_its_pixels():
    one = generator("mask_embedding", Growth(8))
    masks, noise = torch.zeros(1, 2, 16, 16), torch.ones(1, one.noise_size)
    small = one.network(masks, noise, Growth(8)).detach()
    images = one.sample(masks, noise)
    assert torch.equal(images[..., ::2, 1::2], small)
    assert torch.equal(images[..., 1::2, ::2], small)


def test_another_file_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"other\.safetensors: no generator of this project"):
        trained.read(path)


def test_masks_shrink_to_the_fraction_of_each_pixel():
    masks = torch.zeros(1, 2, 8, 8)
    masks[0, 0, :3, :] = 1
    masks[0, 1, 4:, 6:] = 1
    shrunk = resolution.shrunk(masks, 2)
    assert shrunk[0].tolist() == [[[0.75, 0.75], [0, 0]], [[0, 0], [0, 0.5]]]
    assert resolution.shrunk(masks, 8) is masks


def test_halving_is_the_mean_and_doubling_repeats():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    halved = resolution.halved(images)
    assert torch.allclose(halved[1, 0, 2, 3], images[1, 0, 4:6, 6:8].mean())
    assert torch.equal(resolution.halved(resolution.doubled(images)), images)
    assert torch.equal(resolution.faded(images, 1), images)
    assert torch.equal(resolution.faded(images, 0), resolution.doubled(halved))
