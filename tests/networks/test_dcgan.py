"""The networks of DCGAN: sides, norms, weights."""

import pytest
import torch
from torch import nn

from zerosum.networks import dcgan_discriminator, dcgan_generator, resolutions as sides_of


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 32, 32), (4, 64, 64), (1, 28, 28), (3, 40, 40)])
def test_every_stage_doubles_or_halves_the_side(shape, kernel):
    generator, discriminator = dcgan_generator(10, shape, 4, kernel), dcgan_discriminator(shape, 4, kernel)
    x, sides = torch.randn(2, 10), []
    for layer in generator:
        x = layer(x)
        if isinstance(layer, nn.ConvTranspose2d):
            sides.append(x.shape[-1])
    assert sides == sides_of(shape)[1:]
    assert x.shape == (2, *shape)
    assert float(x.detach().abs().max()) < 1
    planes = []
    for layer in (*discriminator.features, discriminator.head):
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            planes.append(tuple(x.shape[1:]))
    assert planes == [(4 << i, shape[1] >> i + 1, shape[1] >> i + 1) for i in range(len(planes))]
    assert planes[-1][1:] == 2 * (sides_of(shape)[0],)
    assert x.shape == (2, 1)


def test_the_papers_generator():
    """4x4x1024 to 64x64x3 by four deconvolutions of 512, 256, 128 and 3 channels."""
    with torch.device("meta"):
        generator = dcgan_generator(100, (3, 64, 64), width=128)
    maps = [(m.in_channels, m.out_channels) for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert maps == [(1024, 512), (512, 256), (256, 128), (128, 3)]
    weights = 100 * 16_384 + 25 * sum(i * o for i, o in maps)
    assert sum(p.numel() for p in generator.parameters()) == weights + 2 * (1024 + 512 + 256 + 128) + 3


def test_batch_norm_is_everywhere_but_at_the_images():
    """Not on the generator's output and not on the discriminator's input; its shift makes a bias before it idle."""
    generator, discriminator = dcgan_generator(10, (1, 32, 32)), dcgan_discriminator((1, 32, 32))
    kinds = [type(m).__name__ for m in generator]
    assert kinds.count("BatchNorm2d") == 3
    assert kinds[-2:] == ["ConvTranspose2d", "Tanh"]
    kinds = [type(m).__name__ for m in (*discriminator.features, discriminator.head)]
    assert kinds == ["Conv2d", "LeakyReLU", *2 * ["Conv2d", "BatchNorm2d", "LeakyReLU"], "Flatten", "Linear"]
    for network in (generator, discriminator.features):
        for layer, after in zip(network, list(network)[1:], strict=False):
            if isinstance(after, nn.BatchNorm2d) and not isinstance(layer, nn.Unflatten):
                assert layer.bias is None
    bare = dcgan_discriminator((1, 32, 32), batch_norm=False)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in bare)
    x = torch.randn(4, 1, 32, 32)
    torch.testing.assert_close(bare(x)[:2], bare(x[:2]))


@torch.no_grad()
def test_weights_are_the_papers():
    torch.manual_seed(0)
    for network in (dcgan_generator(100, (3, 32, 32)), dcgan_discriminator((3, 32, 32))):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                assert float(module.weight.mean()) == pytest.approx(0, abs=5 * 0.02 / module.weight.numel() ** 0.5)
                assert float(module.weight.std()) == pytest.approx(0.02, rel=5 / module.weight.numel() ** 0.5)
                assert module.bias is None or not module.bias.any()
            elif isinstance(module, nn.BatchNorm2d):
                assert float(module.weight.mean()) == pytest.approx(1, abs=5 * 0.02 / module.weight.numel() ** 0.5)
                assert not module.bias.any()


@pytest.mark.parametrize("shape", [(1, 30, 30), (1, 32, 16), (32, 32), (1, 4, 4), (1, 7, 7), (2,)])
@pytest.mark.parametrize("make", [lambda shape: dcgan_generator(10, shape), dcgan_discriminator])
def test_other_shapes_are_refused(make, shape):
    with pytest.raises(
        ValueError, match=r"take square images \(C, S, S\) whose side .* \(28, 32, 48, 64, \.\.\.\), got"
    ):
        make(shape)


def test_other_kernels_are_refused():
    with pytest.raises(ValueError, match="kernel must be 4 or 5, got 3"):
        dcgan_generator(10, (1, 32, 32), kernel=3)
