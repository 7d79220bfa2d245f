"""The network nobody trained: the same everywhere, for images of every side and colour."""

import pytest
import torch

from zerosum.errors import DataError
from zerosum.metrics import FEATURES, random_conv
from zerosum.metrics.features import CHANNELS, features_named

STRUCTURE = sum(CHANNELS)


def images(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_same_network_everywhere():
    """Its name is a hash of the weights, its features are those of an image that needs no random numbers to make."""
    network = random_conv()
    assert network.name == "random-conv-110faba0"
    rows = torch.arange(64)
    x = (rows.view(-1, 1) * rows).remainder(13).div(12).expand(1, 3, 64, 64)
    known = torch.tensor([-0.6048, -0.1345, -0.4921, -1.0938, -1.6094, -1.6094, -1.4927])
    torch.testing.assert_close(network(x)[0, ::20], known, rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 9), (4, 28, 20), (1, 64, 64), (3, 256, 256), (4, 8, 100)])
@pytest.mark.parametrize("name", FEATURES)
def test_images_of_every_side_and_colour_have_features(name, shape):
    """One set of features per image, whatever else is in the batch, and others for other images."""
    network, x = FEATURES[name](64), images(3, *shape)
    found = network(x)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert 128 <= found.shape[1] <= 512
    torch.testing.assert_close(network(x[1:2])[0], found[1], rtol=1e-4, atol=1e-4)
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_grey_is_colour_with_equal_planes_and_opaque_is_no_opacity():
    """But for the means of planes, the last features, of which there are as many as planes in each quarter."""
    network, grey = random_conv(), images(2, 1, 12, 12)
    colour = grey.expand(2, 3, 12, 12)
    opaque = torch.cat([colour, torch.ones(2, 1, 12, 12)], 1)
    found = [network(x) for x in (grey, colour, opaque)]
    assert [f.shape[1] for f in found] == [STRUCTURE + 4, STRUCTURE + 12, STRUCTURE + 16]
    for f in found[1:]:
        torch.testing.assert_close(f[:, :STRUCTURE], found[0][:, :STRUCTURE], rtol=1e-4, atol=1e-4)


def test_what_is_clear_is_white_and_told_from_white():
    """The colour under a clear pixel says nothing; being clear does."""
    clear = images(2, 4, 16, 16)
    clear[:, 3, :, :8] = 0
    clear[:, 3, :, 8:] = 1
    other, white = clear.clone(), clear.clone()
    other[:, :3, :, :8] = 0.3
    white[:, :, :, :8] = 1
    network = random_conv()
    torch.testing.assert_close(network(clear), network(other), rtol=1e-5, atol=1e-5)
    assert (network(clear) - network(white)).abs().max() > 0.1


def test_plain_images_differ_in_brightness_alone():
    """Filters on the image have mean 0 and the border is continued: what has no structure has no features of it."""
    network, brightness = random_conv(), torch.tensor([0.0, 0.3, 1.0])
    found = network(brightness.view(3, 1, 1, 1).expand(3, 3, 40, 40))
    torch.testing.assert_close(found[:, :STRUCTURE], found[:1, :STRUCTURE].expand(3, -1), rtol=0, atol=1e-4)
    torch.testing.assert_close(found[:, STRUCTURE:], (2 * brightness - 1).view(3, 1).expand(3, 12))


def test_the_last_features_are_means_of_quarters():
    x = torch.zeros(1, 3, 64, 64)
    x[0, 1, :32, 32:] = 1
    found = random_conv()(x)[0, STRUCTURE:].view(3, 2, 2)
    assert found[1].tolist() == [[-1, 1], [-1, -1]]
    assert (found[[0, 2]] == -1).all()


def test_nothing_folds_over_when_an_image_is_reduced():
    """A board of single pixels becomes all but plain, where every fourth pixel would be a stripe or nothing."""
    board = (torch.arange(256).view(-1, 1) + torch.arange(256)).remainder(2).float().expand(1, 3, 256, 256)
    network = random_conv(32)
    plain, found, large = (network(x) for x in (torch.full_like(board, 0.5), board, board[..., :32, :32]))
    assert (found - plain).abs().max() < 0.02 * (large - plain).abs().max()


def test_names():
    name = random_conv().name
    assert features_named(name).name == features_named("random-conv").name == name
    with pytest.raises(ValueError, match=f"features random-conv-00000000 have other weights than these, {name}"):
        features_named("random-conv-00000000")
    with pytest.raises(ValueError, match="unknown features 'inception'; there are: random-conv"):
        features_named("inception")


def test_what_is_no_image():
    with pytest.raises(DataError, match=r"with 1, 3 or 4 channels, got \(2, 2, 8, 8\)"):
        random_conv()(images(2, 2, 8, 8))
    with pytest.raises(DataError, match=r"with 1, 3 or 4 channels, got \(2, 3\)"):
        random_conv()(images(2, 3))
