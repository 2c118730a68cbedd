"""Changes of image and mask against loops; nothing changes at no strength; gradients pass."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.gan.augmentation import KINDS, augmented, moved

ROWS, SIZE = 5, 16


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def pair(scale=1):
    """Images that are bright where the mask is."""
    masks = (torch.rand(ROWS, 1, SIZE, SIZE, generator=draw(9)) < 0.5).float()
    return 2 * masks - 1, masks.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


@given(st.integers(-5, 5), st.integers(-5, 5))
@settings(max_examples=25, deadline=None)
def test_moving_is_what_a_loop_does(down, right):
    image = torch.rand(2, 1, 4, 5, generator=draw())
    out = moved(image, torch.tensor([[down, 0], [right, 0]]), -1.0)
    assert torch.equal(out[1], image[1])
    for y in range(4):
        for x in range(5):
            inside = 0 <= y - down < 4 and 0 <= x - right < 5
            expected = image[0, 0, y - down, x - right] if inside else torch.tensor(-1.0)
            assert out[0, 0, y, x] == expected


@pytest.mark.parametrize("scale", [1, 4])
def test_translation_moves_image_and_mask_alike(scale):
    images, masks = pair(scale)
    (image, other), mask = augmented((images, -images), masks, ("translation",), 1.0, draw())
    assert torch.equal(image, 2 * mask[:, :, ::scale, ::scale] - 1)
    inside = (image != -1) | (other != -1)  # outside is -1 in both
    assert torch.equal(image[inside], -other[inside])
    assert not torch.equal(mask, masks)
    assert mask.shape == masks.shape


def test_translation_goes_up_to_an_eighth_either_way():
    images = torch.zeros(400, 1, SIZE, SIZE)
    images[:, 0, 8, 8] = 1
    (image,), _ = augmented((images,), images, ("translation",), 1.0, draw())
    _, _, y, x = (image == 1).nonzero(as_tuple=True)
    assert set(y.tolist()) == set(x.tolist()) == {6, 7, 8, 9, 10}


def test_cutout_takes_a_square_of_half_the_side_from_the_image_alone():
    images, masks = torch.ones(200, 1, SIZE, SIZE), torch.ones(200, 1, SIZE, SIZE)
    (image,), mask = augmented((images,), masks, ("cutout",), 1.0, draw())
    assert torch.equal(mask, masks)
    cut = (image == 0)[:, 0]
    sides = torch.stack([cut.any(2).sum(1), cut.any(1).sum(1)])
    assert (sides.min(), sides.max()) == (SIZE // 4, SIZE // 2)  # the centre on a border, or not
    assert torch.equal(sides[0] * sides[1], cut.sum((1, 2)))  # a rectangle, cut off at the border


def test_colour_shifts_and_stretches_each_row_and_leaves_the_mask():
    images, masks = pair()
    images = images + 0.1 * torch.rand(images.shape, generator=draw(2))
    (image,), mask = augmented((images,), masks, ("colour",), 1.0, draw())
    assert torch.equal(mask, masks)
    shift = image.mean((1, 2, 3)) - images.mean((1, 2, 3))
    stretch = image.std((1, 2, 3)) / images.std((1, 2, 3))
    assert float(shift.abs().max()) <= 0.5 and float(stretch.min()) >= 0.5
    assert float(stretch.max()) <= 1.5 and len(set(shift.tolist())) == ROWS
    centred = (image - image.mean((1, 2, 3), True)) / stretch[:, None, None, None]
    torch.testing.assert_close(centred, images - images.mean((1, 2, 3), True))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_at_no_strength(kind):
    images, masks = pair()
    (image,), mask = augmented((images,), masks, (kind,), 0.0, draw())
    torch.testing.assert_close(image, images, rtol=0, atol=1e-6)
    assert torch.equal(mask, masks)


def test_real_and_generated_images_of_a_row_change_alike():
    images, masks = pair()
    (one, other), _ = augmented((images, images.clone()), masks, tuple(KINDS), 1.0, draw())
    assert torch.equal(one, other)
    assert not torch.equal(one, images)


def test_gradients_pass_to_what_is_still_seen():
    images, masks = pair()
    images = images.requires_grad_()
    (image,), _ = augmented((images,), masks, ("translation", "cutout"), 1.0, draw())
    (slope,) = torch.autograd.grad(image.sum(), images)
    assert set(slope.unique().tolist()) == {0, 1}


def test_an_unknown_kind_is_named():
    images, masks = pair()
    with pytest.raises(ValueError, match="some of colour, translation, cutout, not 'blur'"):
        augmented((images,), masks, ("blur",), 1.0, draw())
