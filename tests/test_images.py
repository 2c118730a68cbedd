"""Images synthesised from a scan and its labels: what changes, and what may not."""

import numpy as np
import pytest
import torch

from phantomloom.segmentation.training import images
from phantomloom.structures import label

LIVER, AORTA, BONE = label("liver"), label("aorta"), label("vertebrae_L1")


def anatomy():
    """Liver with a bubble of gas, aorta and bone, in a room of air with a couch."""
    labels = torch.zeros(24, 24, 24, dtype=torch.uint8)
    labels[:, :12, :12], labels[:, :12, 12:], labels[:, 12:18] = LIVER, AORTA, BONE
    hu = torch.full((24, 24, 24), -1000.0)
    hu[labels == LIVER], hu[labels == AORTA], hu[labels == BONE] = 60, 45, 300
    hu[:, 20:22] = 100  # couch
    hu[4:6, 4:6, 4:6] = -900  # gas
    hu[:, 14, 3] = 420  # a denser part of the bone
    median, wanted = torch.zeros(256), torch.zeros(256)
    median[[LIVER, AORTA, BONE]] = torch.tensor([60.0, 45, 300])
    wanted[[LIVER, AORTA, BONE]] = torch.tensor([110.0, 250, 280])
    return hu, labels, median, wanted


@pytest.mark.parametrize("seed", range(6))
def test_structures_take_the_other_contrast_and_air_couch_and_gas_stay(seed):
    hu, labels, median, wanted = anatomy()
    new = images.synthesised(hu, labels, median, wanted, 3.0, np.random.default_rng(seed))
    kept = (labels == 0) | (hu < -500)
    assert torch.equal(new[kept], hu[kept])
    for structure in (LIVER, AORTA, BONE):
        here = (labels == structure) & ~kept & (hu < 400)
        assert new[here].mean() == pytest.approx(float(wanted[structure]), abs=12)
    assert torch.allclose(new[:, 14, 3], torch.tensor(400.0))  # bone keeps its own texture


def test_half_of_the_synthesised_patches_have_a_new_texture():
    hu, labels, median, wanted = anatomy()
    spreads = []
    for seed in range(40):
        new = images.synthesised(hu, labels, median, wanted, 3.0, np.random.default_rng(seed))
        spreads.append(float(new[(labels == LIVER) & (hu > 0)].std()))
    assert 10 <= sum(spread > 1 for spread in spreads) <= 30


@pytest.mark.parametrize(
    ("slices", "weights"),
    [
        (1.0, [0, 0, 1, 0, 0]),
        (1.6, [0, 0.1875, 0.625, 0.1875, 0]),
        (2.0, [0, 0.25, 0.5, 0.25, 0]),
        (4.0, [0.125, 0.25, 0.25, 0.25, 0.125]),
    ],
)
def test_a_thick_slice_averages_what_it_covers(slices, weights):
    hu = torch.zeros(9, 2, 2)
    hu[4] = 1
    assert torch.allclose(
        images._thick(hu, slices)[2:7, 0, 0], torch.tensor(weights, dtype=torch.float32)
    )


def test_noise_and_shifts_are_moderate_and_differ_by_sample():
    hu, labels, _, _ = anatomy()
    made = [
        images.acquired(images.varied(hu, labels, rng), 3.0, rng)
        for rng in map(np.random.default_rng, range(8))
    ]
    apart = [float((one - hu)[6:18, 2:9, 2:9].abs().median()) for one in made]
    assert max(apart) < 80
    assert len({round(each, 3) for each in apart}) == 8


def slab(seed, planes=64, aim=40, voxel_mm=3.0):
    """Cut a body that stands in the middle of a patch; return its planes that are left."""
    hu, labels = torch.full((80, 4, 4), images.AIR_HU), torch.zeros(80, 4, 4, dtype=torch.uint8)
    body = slice(40 - planes // 2, 40 - planes // 2 + planes)
    hu[body], labels[body] = 50, LIVER
    images.cut(hu, labels, aim, voxel_mm, np.random.default_rng(seed))
    assert torch.equal(hu == images.AIR_HU, labels == 0)
    assert not labels[: body.start].any() and not labels[body.stop :].any()
    return labels.flatten(1).any(1).nonzero()[:, 0].tolist()


def test_of_two_patches_in_five_a_slab_is_left_thin_ones_as_often_as_thick_ones():
    left = [slab(seed) for seed in range(600)]
    assert all(planes == list(range(planes[0], planes[-1] + 1)) for planes in left)
    thickness = np.array([len(planes) for planes in left])
    assert thickness.min() == 10
    assert np.mean(thickness < 64) == pytest.approx(0.4, abs=0.05)
    thin, thick = thickness < np.sqrt(10 * 64), (thickness > np.sqrt(10 * 64)) & (thickness < 64)
    assert thin.sum() == pytest.approx(thick.sum(), rel=0.3)


@pytest.mark.parametrize("aim", [8, 30, 71])
def test_a_slab_lies_anywhere_about_the_plane_that_the_patch_was_aimed_at(aim):
    thin = [planes for seed in range(300) if len(planes := slab(seed, aim=aim)) < 20]
    assert all(aim in planes for planes in thin)
    place = [(aim - planes[0]) / (len(planes) - 1) for planes in thin]
    assert (min(place) < 0.1 or aim == 71) and (max(place) > 0.9 or aim == 8)


@pytest.mark.parametrize(("aim", "end"), [(-5, 8), (79, 71)])
def test_a_patch_that_was_aimed_beside_the_body_keeps_its_end(aim, end):
    assert all(end in slab(seed, aim=aim) for seed in range(60))


def test_slabs_are_as_thick_on_a_finer_grid():
    assert min(len(slab(seed, voxel_mm=1.5)) for seed in range(300)) == 20


@pytest.mark.parametrize("planes", [0, 1, 10])
def test_what_is_no_thicker_than_the_thinnest_slab_stays(planes):
    assert all(len(slab(seed, planes)) == planes for seed in range(10))
