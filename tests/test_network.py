import pytest
import torch
from monai.networks.nets.dynunet import DynUNet

from phantomloom.segmentation.network import BlockUNet, fold_blocks, unfold_blocks


def test_unfolding_undoes_folding():
    image = torch.randn(2, 3, 4, 6, 8)
    assert torch.equal(unfold_blocks(fold_blocks(image)), image)


def test_a_block_of_voxels_becomes_the_channels_of_one():
    image = torch.zeros(1, 1, 4, 4, 4)
    image[0, 0, 2:4, 0:2, 2:4] = torch.arange(8.0).reshape(2, 2, 2)
    assert fold_blocks(image)[0, :, 1, 0, 1].tolist() == list(range(8))


@pytest.mark.parametrize("shape", [(16, 32, 32), (32, 16, 48)])
def test_scores_have_the_grid_of_the_image(shape):
    network = BlockUNet(channels=3, classes=5, features=(4, 4, 4, 4))
    assert network(torch.zeros(1, 3, *shape)).shape == (1, 5, *shape)


def test_each_image_is_normalised_by_itself():
    torch.manual_seed(1)
    network = BlockUNet(channels=3, classes=5, features=(4, 6, 8, 8))
    torch.nn.init.normal_(network.unet.input_block.norm1.weight)
    plain = DynUNet(3, 24, 64, [3] * 4, [1, 2, 2, 2], [2] * 3, [4, 6, 8, 8], res_block=True)
    plain.load_state_dict(network.unet.state_dict())
    images = torch.randn(2, 3, 32, 32, 48) * torch.tensor([1.0, 9.0]).view(2, 1, 1, 1, 1)
    wanted = torch.nn.functional.leaky_relu(plain(fold_blocks(images)))
    torch.testing.assert_close(network.block_features(images), wanted, rtol=1e-4, atol=1e-4)
