"""Layers against closed forms and loops; shapes of the paper's networks; growth and the mask."""

import pytest
import torch

from phantomloom.gan.networks import layers, modern
from phantomloom.gan.networks.mask_encoder import MaskEncoder
from phantomloom.gan.resolution import doubled, halved, mixed
from phantomloom.gan.schedule import Growth
from phantomloom.gan.settings import Shape
from phantomloom.gan.variants import mask_embedding, no_embedding
from phantomloom.gan.variants import modern as modern_variant

VARIANTS = (mask_embedding, no_embedding, modern_variant)
SHAPE = Shape(32, 2, 3)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def masks_of(shape, rows=2, seed=0):
    draw = torch.Generator().manual_seed(seed)
    numbers = torch.randint(0, shape.classes + 1, (rows, shape.size, shape.size), generator=draw)
    return torch.stack([numbers == k + 1 for k in range(shape.classes)], 1).float()


def small(variant, shape=SHAPE):
    torch.manual_seed(1)
    settings = variant.DEFAULTS._replace(features=8)
    return variant.generator(shape, settings), variant.critic(shape, settings)


def shapes_of(network):
    """Shapes of the weights in order."""
    named = network.named_parameters()
    return [list(value.shape) for name, value in named if name.endswith("weight")]


PAPER = Shape(512, 3, 1)


@pytest.fixture(scope="module")
def paper():
    settings = mask_embedding.DEFAULTS
    return mask_embedding.generator(PAPER, settings), mask_embedding.critic(PAPER, settings)


def test_the_mask_encoder_has_the_papers_layers(paper):
    assert shapes_of(paper[0].encoder) == [
        [8, 1, 8, 8],
        [8, 8, 8, 8],  # 512
        *([8, 8, 4, 4], [8, 8, 4, 4]),  # to 256
        *([8, 8, 4, 4], [8, 8, 4, 4]),  # to 128
        *([8, 8, 4, 4], [16, 8, 4, 4]),  # to 64
        *([16, 16, 4, 4], [32, 16, 4, 4]),  # to 32
        *([32, 32, 4, 4], [32, 32, 4, 4]),  # to 16
        [256, 32 * 16 * 16],
        [48, 256],
    ]


def test_the_generator_has_the_papers_layers(paper):
    generator, _ = paper
    assert list(generator.project.weight.shape) == [512 * 4 * 4, 48 + 464]
    assert list(generator.start.weight.shape) == [512, 512, 3, 3]
    assert generator.noise_size == 464
    assert [shapes_of(block) for block in generator.blocks] == [
        [[512, 512, 4, 4], [512, 512, 3, 3]],  # 8, no features of the mask
        [[512, 512, 4, 4], [512, 512 + 8, 3, 3]],
        [[512, 512, 4, 4], [512, 512 + 8, 3, 3]],  # 32
        [[512, 256, 4, 4], [256, 256 + 8, 3, 3]],
        [[256, 128, 4, 4], [128, 128 + 8, 3, 3]],
        [[128, 64, 4, 4], [64, 64 + 8, 3, 3]],
        [[64, 32, 4, 4], [32, 32 + 8, 3, 3]],  # 512
    ]
    channels = [512, 512, 512, 256, 128, 64, 32]
    assert shapes_of(generator.to_image) == [[3, n, 1, 1] for n in channels]


def test_the_critic_has_the_papers_layers(paper):
    _, critic = paper
    channels = [512, 512, 512, 256, 128, 64, 32]
    assert shapes_of(critic.of_mask) == [[3, 1, 3, 3]] * 7
    assert shapes_of(critic.from_image) == [[n, 3 + 3, 1, 1] for n in channels]
    assert [shapes_of(block) for block in critic.blocks.values()] == [
        [[now, now, 3, 3], [then, now, 4, 4]]
        for now, then in zip(channels, [512, *channels[:-1]], strict=True)
    ]
    assert list(critic.end.weight.shape) == [512, 512 + 1, 3, 3]
    assert shapes_of(critic.dense) == [[512, 512 * 4 * 4], [1, 512]]


def test_the_baseline_differs_by_the_embedding_alone(paper):
    baseline = no_embedding.generator(PAPER, no_embedding.DEFAULTS)
    left, right = dict(paper[0].named_parameters()), dict(baseline.named_parameters())
    assert left.keys() - right.keys() == {
        f"encoder.dense.{n}.{what}" for n in (0, 1) for what in ("weight", "bias")
    }
    assert all(left[name].shape == value.shape for name, value in right.items())
    assert baseline.noise_size == 512


def test_pixel_norm_gives_a_mean_square_of_one_at_each_place():
    normed = layers.pixel_norm(7 * drawn(2, 5, 3, 4))
    torch.testing.assert_close(normed.square().mean(1), torch.ones(2, 3, 4))


def test_the_deviation_of_a_batch_is_that_of_a_loop():
    x = drawn(5, 3, 4, 4)
    deviations = [
        torch.stack([x[row, f, i, j] for row in range(5)]).std(correction=0)
        for f in range(3)
        for i in range(4)
        for j in range(4)
    ]
    joined = layers.with_batch_deviation(x)
    assert torch.equal(joined[:, :3], x)
    assert torch.allclose(joined[:, 3], torch.stack(deviations).mean(), atol=1e-5)
    assert torch.allclose(layers.with_batch_deviation(x[:1])[:, 3], torch.tensor(1e-4))


@pytest.mark.parametrize("kernel, stride", [(8, 1), (4, 1), (4, 2), (3, 1), (1, 1)])
def test_a_convolution_keeps_or_halves_the_size_and_the_variance(kernel, stride):
    torch.manual_seed(0)
    layer = layers.Conv(16, 64, kernel, stride, gain=1)
    out = layer(drawn(1, 16, 32, 32)).detach()
    assert out.shape == (1, 64, 32 // stride, 32 // stride)
    assert float(out[..., 4:-4, 4:-4].var()) == pytest.approx(1, rel=0.1)


def test_a_slowed_layer_begins_alike_and_moves_by_its_pace():
    x, moves = drawn(4, 32), []
    for pace in (1.0, 0.1):
        torch.manual_seed(0)
        layer = layers.Dense(32, 8, pace=pace)
        before = layer(x)
        adam = torch.optim.Adam([layer.weight], lr=1e-3)
        before.sum().backward()
        adam.step()
        moves.append((before, layer(x) - before))
    (start, whole), (same, slow) = moves
    torch.testing.assert_close(same, start)
    torch.testing.assert_close(slow, 0.1 * whole, rtol=1e-3, atol=1e-6)


def test_the_embedding_alone_is_slowed():
    slowed = [layer.scale * layer.in_features**0.5 for layer in MaskEncoder(16, 3, 48).dense]
    assert slowed == pytest.approx([0.1, 0.1])


def test_doubling_keeps_the_scale_that_a_leaky_relu_wants():
    torch.manual_seed(0)
    out = layers.Doubling(32, 64)(drawn(1, 32, 16, 16)).detach()
    assert out.shape == (1, 64, 32, 32)
    assert float(out[..., 2:-2, 2:-2].var()) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("size", [8, 16, 64])
def test_the_mask_encoder_gives_features_of_every_size_down_to_16(size):
    shape = Shape(size, 1, 3)
    features, embedding = MaskEncoder(size, 3, 48)(masks_of(shape))
    assert set(features) == {r for r in (8, 16, 32, 64) if min(16, size) <= r <= size}
    assert all(f.shape[2:] == (r, r) and f.shape[1] >= 8 for r, f in features.items())
    assert embedding.shape == (2, 48)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [8, 64])
def test_images_and_scores_have_the_size_that_is_grown(variant, size):
    shape = Shape(size, 2, 3)
    generator, critic = small(variant, shape)
    masks, noise = masks_of(shape), drawn(2, generator.noise_size)
    for growth in (Growth(8), Growth(size), Growth(size, 0.3 if size > 8 else 1.0)):
        images = generator(masks, noise, growth)
        assert images.shape == (2, 2, growth.size, growth.size)
        assert critic(images, masks, growth).shape == (2,)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_block_with_share_0_changes_neither_images_nor_scores(variant):
    generator, critic = small(variant)
    masks, noise = masks_of(SHAPE), drawn(2, generator.noise_size)
    lower = generator(masks, noise, Growth(16))
    assert torch.equal(generator(masks, noise, Growth(32, 0.0)), doubled(lower))
    images = drawn(2, 2, 32, 32)
    before = critic(halved(images), masks, Growth(16))
    torch.testing.assert_close(critic(images, masks, Growth(32, 0.0)), before)


@pytest.mark.parametrize("variant", VARIANTS)
def test_half_a_block_lies_halfway(variant):
    generator, _ = small(variant)
    masks, noise = masks_of(SHAPE), drawn(2, generator.noise_size)
    old, half, new = (generator(masks, noise, Growth(32, a)) for a in (0.0, 0.5, 1.0))
    torch.testing.assert_close(half, (old + new) / 2)


@pytest.mark.parametrize("variant, reaches", [(mask_embedding, True), (no_embedding, False)])
def test_the_mask_reaches_the_first_projection_of_the_embedding_alone(variant, reaches):
    """At 8 x 8 nothing of the mask is joined: what moves with it went through the projection."""
    generator, _ = small(variant)
    masks = masks_of(SHAPE).requires_grad_()
    images = generator(masks, drawn(2, generator.noise_size), Growth(8))
    (slope,) = torch.autograd.grad(images.square().sum(), masks, allow_unused=True)
    assert (slope is not None and float(slope.abs().sum()) > 0) == reaches
    seen = []
    generator.project.register_forward_hook(lambda _module, given, _out: seen.append(given[0]))
    generator(masks, drawn(2, generator.noise_size), Growth(32))
    assert seen[0].shape[1] == 512
    assert seen[0].requires_grad == reaches


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mask_reaches_images_and_scores_of_full_size(variant):
    generator, critic = small(variant)
    with torch.no_grad():  # branches of residual blocks begin at zero
        for network in (generator, critic):
            for value in network.parameters():
                value += 0.01 * drawn(*value.shape)
    one, other = masks_of(SHAPE, 1, seed=1), masks_of(SHAPE, 1, seed=2)
    noise, images = drawn(1, generator.noise_size), drawn(1, 2, 32, 32)
    assert not torch.allclose(
        generator(one, noise, Growth(32)), generator(other, noise, Growth(32)), atol=1e-3
    )
    assert critic(images, one, Growth(32)) != critic(images, other, Growth(32))


def test_a_residual_block_begins_as_the_identity():
    torch.manual_seed(0)
    x = drawn(2, 4, 8, 8)
    assert torch.equal(modern.Residual(4, seen=3)(x, drawn(2, 3, 8, 8)), x)


def test_grain_changes_single_pixels_of_full_size():
    """A number of the grain reaches the places that two 3 x 3 convolutions reach."""
    generator, _ = small(modern_variant)
    torch.manual_seed(3)
    for block in generator.blocks:
        torch.nn.init.normal_(block.second.weight)
    generator.to_image[-1].weight.data *= 1e-4  # within the range: nothing is clipped
    masks, noise = masks_of(SHAPE, 1), drawn(1, generator.noise_size)
    assert generator.noise_size == 464 + 32**2
    moved = noise.clone()
    moved[0, 464 + 10 * 32 + 20] += 1
    changed = generator(masks, moved, Growth(32)) != generator(masks, noise, Growth(32))
    rows, columns = changed[0].any(0).nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (8, 12)
    assert (columns.min(), columns.max()) == (18, 22)


def test_scores_of_the_modern_critic_depend_on_their_row_alone():
    _, critic = small(modern_variant)
    images, masks = drawn(3, 2, 32, 32), masks_of(SHAPE, 3)
    alone = torch.cat([critic(images[i : i + 1], masks[i : i + 1], Growth(32)) for i in range(3)])
    torch.testing.assert_close(critic(images, masks, Growth(32)), alone)


@pytest.mark.parametrize("size", [4, 48, 1024])
def test_sizes_that_no_network_has_are_named(size):
    with pytest.raises(ValueError, match=f"images of {size} pixels; the side is a power of two"):
        Shape(size, 1, 1)
    with pytest.raises(ValueError, match="need a channel and a class"):
        Shape(8, 1, 0)


def test_the_modern_generator_clips_its_images_as_real_ones_are():
    generator, _ = small(modern_variant)
    generator.to_image[-1].weight.data *= 100
    masks, noise = masks_of(SHAPE), drawn(2, generator.noise_size)
    image = generator(masks, noise, Growth(32)).detach()
    assert (float(image.min()), float(image.max())) == (-1, 1)


@pytest.mark.parametrize("slope, passed", [(2.0, [0, 2, 2]), (-2.0, [-2, -2, 0])])
def test_what_is_clipped_can_come_back_and_go_no_farther(slope, passed):
    x = torch.tensor([-3.0, -0.5, 2.0], requires_grad=True)
    image = modern.Clipped.apply(x)
    assert image.tolist() == [-1, -0.5, 1]
    (slope * image).sum().backward()
    assert x.grad.tolist() == passed


def test_a_fade_takes_what_autocast_makes():
    """Pixels repeated in float32, a convolution's image in bfloat16."""
    small, large = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 8, 8, dtype=torch.bfloat16)
    assert mixed([small, large], 0.25).mean() == 0.75
