"""Samples of a generator whose images are known in closed form."""

import json
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
import torch
from PIL import Image

from phantomloom.gan.data.ct_slices import Cut, stack
from phantomloom.gan.latents import Column, Latent, drawn, seed_of
from phantomloom.gan.pairs import Pairs
from phantomloom.gan.sample_files import Written, write_list, write_pictures, write_volume
from phantomloom.gan.sampling import (
    Sample,
    Sampler,
    draws,
    everywhere,
    remade,
    sampled,
    volume,
    way,
)
from phantomloom.structures import label
from phantomloom.volume import Volume

NAMES = ("ann/z0001", "ann/z0004", "ben/z0001")
MASKS = np.random.default_rng(0).integers(0, 3, (3, 8, 8)).astype(np.uint8)


class Known(NamedTuple):
    """Its image is 0.25 times the class number plus a tenth of the first number of the noise."""

    batches: list
    noise_size: int = 4
    grain_size: int = 0
    channels: int = 1

    def sample(self, masks, noise):
        assert not torch.is_grad_enabled() and masks.dtype == torch.float32
        self.batches.append(len(masks))
        number = (masks * torch.arange(1, 1 + masks.shape[1])[:, None, None]).sum(1, keepdim=True)
        return (0.25 * number + 0.1 * noise[:, :1, None, None]).repeat(1, self.channels, 1, 1)


def sampler(at_once=4, channels=1):
    return Sampler(Known([], channels=channels), 2, at_once)


def expected(row, noise):
    return 0.25 * MASKS[row] + 0.1 * float(noise[0])


def test_each_sample_is_of_its_mask_and_its_recorded_seed():
    used = sampler()
    found = list(sampled(used, MASKS, NAMES, draws(NAMES, 3, seed=5)))
    assert [sample.mask for sample in found] == [name for name in NAMES for _ in range(3)]
    assert len({sample.latent.seed for sample in found}) == 9
    for sample in found:
        row = NAMES.index(sample.mask)
        noise = drawn(sample.latent.seed, 4)
        np.testing.assert_allclose(sample.image[0], expected(row, noise), atol=1e-6)
    assert used.generator.batches == [4, 4, 1]  # no more at once


def test_a_remade_data_set_has_an_image_of_each_mask_in_a_file_that_nobody_sees(tmp_path):
    hu = np.zeros((3, 1, 8, 8), np.int16)
    groups, parts = ("ann", "ann", "ben"), ("test",) * 3
    pairs = Pairs(hu, MASKS, -160, 240, "HU", ("a", "b"), NAMES, groups, parts, 1.0)
    found = remade(sampler(), pairs, 5, tmp_path)
    assert found._replace(images=hu) == pairs
    assert isinstance(found.images, np.memmap) and found.images.dtype == np.int16
    assert not list(tmp_path.iterdir())
    for row, name in enumerate(NAMES):
        image = expected(row, drawn(seed_of(5, name, 0), 4)).clip(-1, 1)
        np.testing.assert_allclose(found.images[row, 0], 40 + 200 * image, atol=0.51)


def test_a_sample_alone_is_the_same_as_among_others():
    among = list(sampled(sampler(), MASKS, NAMES, draws(NAMES, 3, seed=5)))
    one = among[4]
    (alone,) = sampled(sampler(), MASKS, NAMES, [(1, Latent(one.latent.seed))])
    assert torch.equal(alone.image, one.image)
    (again,) = sampled(sampler(), MASKS[1:2], NAMES[1:2], draws(NAMES[1:2], 3, seed=5)[1:2])
    assert torch.equal(again.image, one.image)  # other masks beside it change nothing


def test_gradients_stay_on_for_who_consumes_samples():
    for _ in sampled(sampler(), MASKS, NAMES, draws(NAMES, 1, seed=0)):
        assert torch.is_grad_enabled()


def test_truncation_scales_the_noise():
    full, half = (
        [s.image for s in sampled(sampler(), MASKS, NAMES, draws(NAMES, 2, 0, truncation))]
        for truncation in (1.0, 0.5)
    )
    for one, other, row in zip(full, half, [0, 0, 1, 1, 2, 2], strict=True):
        plain = 0.25 * torch.from_numpy(MASKS[row])[None]
        torch.testing.assert_close(other - plain, 0.5 * (one - plain), atol=1e-6, rtol=0)


def test_the_same_latents_with_an_edited_mask_change_only_what_was_edited():
    edited = MASKS[0].copy()
    edited[2:4, 2:4] = 0
    both = np.stack([MASKS[0], edited])
    latents = [Latent(7), Latent(8)]
    found = [s.image for s in sampled(sampler(), both, ("a", "b"), everywhere(2, latents))]
    for before, after in zip(found[:2], found[2:], strict=True):
        change = (after - before)[0].numpy()
        np.testing.assert_allclose(change, 0.25 * (edited.astype(float) - MASKS[0]), atol=1e-6)


def test_a_way_leads_from_one_draw_to_the_other():
    latents = way(7, 8, 5)
    found = [s.image for s in sampled(sampler(), MASKS, NAMES, everywhere(1, latents))]
    np.testing.assert_allclose(found[0][0], expected(0, drawn(7, 4)), atol=1e-6)
    np.testing.assert_allclose(found[-1][0], expected(0, drawn(8, 4)), atol=1e-6)
    assert [latent.share for latent in latents] == [0, 0.25, 0.5, 0.75, 1]


def test_pictures_hold_the_greys_and_the_list_what_remakes_them(tmp_path):
    wishes = [*draws(NAMES, 2, seed=1, truncation=0.8), *everywhere(1, way(3, 4, 3))]
    samples = list(sampled(sampler(), MASKS, NAMES, wishes))
    written = write_pictures(samples, tmp_path)
    write_list(written, tmp_path / "samples.tsv")
    table = pd.read_csv(tmp_path / "samples.tsv", sep="\t")
    assert table["file"][0] == "ann/z0001-1.png" and table["file"].is_unique
    assert list(table["file"][6:]) == [f"ann/z0001-{n}.png" for n in (3, 4, 5)]
    for row, sample in zip(table.itertuples(), samples, strict=True):
        picture = np.asarray(Image.open(tmp_path / row.file))
        levels = np.clip((sample.image[0].numpy() + 1) / 2, 0, 1) * 255
        np.testing.assert_allclose(picture, levels, atol=0.501)
        toward = None if np.isnan(row.toward) else int(row.toward)
        share = 0.0 if np.isnan(row.share) else row.share
        remade = Latent(row.seed, row.truncation, toward, share)
        (again,) = sampled(sampler(), MASKS, NAMES, [(NAMES.index(row.mask), remade)])
        assert torch.equal(again.image, sample.image)
    assert json.loads(json.dumps(written[0])) == list(written[0])


def test_pictures_of_three_channels_are_in_colour(tmp_path):
    image = torch.stack([torch.full((8, 8), level) for level in (-1.0, 0.0, 1.0)])
    (written,) = write_pictures([Sample("a", Latent(1), image)], tmp_path)
    assert Image.open(tmp_path / written.file).getpixel((3, 3)) == (0, 128, 255)


def phantom():
    labels = np.full((9, 40, 48), label("body"), np.uint8)
    labels[5, 10, 30] = label("liver")
    return Volume(labels, (2.0, 4.0, 4.0), (100.0, -30.0, -80.0))


def test_a_sampled_ct_lies_on_the_phantom_when_another_program_reads_it(tmp_path):
    """A voxel of liver, on the patient's left, is found by SimpleITK at its place in mm."""
    labels = phantom()
    cut = Cut({"body": ["any"], "liver": ["liver"]}, (-160, 240), 32, 4.0, 2.0)
    masks = stack(labels, cut)
    column = Column(11, 3.0, 0.0)
    ct = volume(sampler(), masks, -160, 240, column)
    written = write_volume(ct, "ann", column, tmp_path / "ct.nii.gz")
    assert written == Written("ct.nii.gz", "ann", 11, 0.0, smooth_slices=3.0)
    image = sitk.DICOMOrient(sitk.ReadImage(tmp_path / "ct.nii.gz"), "LPS")
    assert image.GetSpacing() == pytest.approx((4.0, 4.0, 2.0))
    hu = sitk.GetArrayFromImage(image)
    assert hu.dtype == np.int16
    background, body, liver = (-160 + 400 * (1 + 0.25 * number) / 2 for number in range(3))
    assert set(np.unique(hu).tolist()) == {body, liver} | (
        {background} if 0 in masks.array else set()
    )
    place = np.argwhere(hu == liver)
    assert len(place) == 1
    found = image.TransformIndexToPhysicalPoint(place[0][::-1].tolist())
    truth = np.array(labels.origin_mm) + np.array([5, 10, 30]) * labels.spacing_mm
    np.testing.assert_allclose(found[::-1], truth, atol=2.001)  # half a pixel


def test_a_sampled_ct_changes_smoothly_along_z_and_repeats(tmp_path):
    masks = Volume(np.ones((40, 8, 8), np.uint8), (2.0, 4.0, 4.0))

    def steps(smooth):
        ct = volume(sampler(), masks, -1000, 1000, Column(2, smooth))
        noise = 0.1 * Column(2, smooth).noise(4, 40)[:, 0].numpy()
        np.testing.assert_allclose(ct.array[:, 3, 3], 1000 * (0.25 + noise), atol=0.51)
        return np.abs(np.diff(ct.array[:, 0, 0])).mean()

    assert steps(4.0) < 0.4 * steps(0.0)
