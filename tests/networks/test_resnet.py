"""Residual networks against their formulas, the papers' sizes, and how labels and norms act."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, relu
from torch.nn.utils import parametrize

from tests.networks.weights import count, double, perturbed
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, SelfAttention, resolutions, spectral_norm
from zerosum.networks.resnet import DownBlock, UpBlock

SHAPE = (3, 16, 16)


def small(shape=SHAPE, **options):
    return ResNetGenerator(5, shape, 8, **options).double(), ResNetDiscriminator(shape, 8, **options).double()


def up(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_a_generators_block_is_the_papers():
    """The shortcut there doubles first and maps then."""
    block, x = UpBlock(4, 6, nn.BatchNorm2d).double(), double(3, 4, 5, 5)
    h = conv2d(up(relu(batch_norm(x, None, None, training=True))), block.conv1.weight, padding=1)
    h = conv2d(relu(batch_norm(h, None, None, training=True)), block.conv2.weight, padding=1)
    torch.testing.assert_close(block(x), h + conv2d(up(x), block.shortcut.weight))


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("down", [True, False])
def test_a_discriminators_block_is_the_papers(down, rectified):
    """The shortcut there maps first and takes means then, but in the block that reads the image."""
    block, x = perturbed(DownBlock(4, 6, down, rectified)), double(3, 4, 6, 6)
    first, second = (layer for layer in block.residual if isinstance(layer, nn.Conv2d))
    h = conv2d(relu(x) if rectified else x, first.weight, first.bias, padding=1)
    h = conv2d(relu(h), second.weight, second.bias, padding=1) + conv2d(x, block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x), avg_pool2d(h, 2) if down else h)


def test_an_equal_block_keeps_what_comes():
    block = DownBlock(4, 4, False, True)
    nn.init.zeros_(block.residual[-1].weight)
    x = torch.randn(3, 4, 6, 6)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("shape", "judged"),
    [
        ((1, 8, 8), [8, 8]),
        ((1, 28, 28), [14, 7, 7]),
        ((3, 32, 32), [16, 8, 8, 8]),
        ((4, 64, 64), [32, 16, 8, 8, 8]),
        ((3, 40, 40), [20, 10, 5, 5]),
    ],
)
def test_every_stage_doubles_or_halves_the_side(shape, judged):
    generator, discriminator = small(shape)
    seen = []
    for network, kind in ((generator, UpBlock), (discriminator, DownBlock)):
        for module in network.modules():
            if isinstance(module, kind):
                module.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[1:])))
    x = generator(double(2, 5))
    assert x.shape == (2, *shape)
    assert float(x.detach().abs().max()) < 1
    assert seen == [(4 if side > 32 else 8, side, side) for side in resolutions(shape)[1:]]
    seen.clear()
    assert discriminator.features(x).shape == (2, 8)
    assert [side for _, side, _ in seen] == judged
    torch.testing.assert_close(discriminator(x), discriminator.head(discriminator.features(x)))


def test_features_are_sums_over_positions():
    discriminator, x = small()[1], double(2, *SHAPE)
    torch.testing.assert_close(discriminator.features(x), relu(discriminator.features[:-2](x)).sum((2, 3)))


def test_the_papers_networks_for_cifar():
    """256 and 128 channels; the convolutions of the generator's blocks have biases there."""
    with torch.device("meta"):
        generator, discriminator = ResNetGenerator(128, (3, 32, 32), 256), ResNetDiscriminator((3, 32, 32), 128)
    dense, image = (128 + 1) * 4 * 4 * 256, (256 * 9 + 1) * 3
    block = 2 * 9 * 256 * 256 + 256 * 256 + 2 * 2 * 256
    assert count(generator) == dense + 3 * block + 2 * 256 + image == 4_276_739 - 3 * 3 * 256
    same = 2 * (9 * 128 + 1) * 128
    first, second = (9 * 3 + 1) * 128 + (9 * 128 + 1) * 128 + (3 + 1) * 128, (9 * 128 + 1) * 128 * 2 + 129 * 128
    assert count(discriminator) == first + second + 2 * same + 128 + 1 == 1_053_825


SIZES = {
    # shape, width, classes, attention: weights of the generator with a latent of 16, and of the discriminator
    ((1, 28, 28), 16, None, None): (23_361, 12_081),
    ((3, 32, 32), 32, 10, None): (71_843, 67_169),
    ((3, 64, 64), 32, None, 32): (76_724, 74_162),
    ((4, 48, 48), 12, 3, 12): (14_657, 8_240),
}


@pytest.mark.parametrize(("shape", "width", "classes", "attention"), SIZES)
def test_sizes_are_frozen(shape, width, classes, attention):
    with torch.device("meta"):
        generator = ResNetGenerator(16, shape, width, classes, attention)
        discriminator = ResNetDiscriminator(shape, width, classes, attention=attention)
    assert (count(generator), count(discriminator)) == SIZES[shape, width, classes, attention]


@torch.no_grad()
def test_weights_have_glorots_scale():
    for network in (ResNetGenerator(64, SHAPE, width=64), ResNetDiscriminator(SHAPE, width=64)):
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                inward, outward = module.weight[0].numel(), module.weight[:, 0].numel()
                deviation = (2 / (inward + outward)) ** 0.5
                if "blocks" in name or "features" in name:
                    deviation *= 1 if "shortcut" in name else 2**0.5
                slack = 5 / module.weight.numel() ** 0.5
                assert float(module.weight.std()) == pytest.approx(deviation, rel=slack), name
                assert module.bias is None or not module.bias.any()


@pytest.mark.parametrize("options", [{}, {"attention": 8}])
def test_labels_are_told_apart_and_demanded(options):
    generator, discriminator = (perturbed(network) for network in small(classes=4, **options))
    generator.eval()
    z, x, label = double(1, 5).expand(4, 5), double(1, *SHAPE).expand(4, *SHAPE), torch.arange(4)
    assert len(generator(z, label).flatten(1).unique(dim=0)) == 4
    assert len(discriminator(x, label).unique()) == 4
    for network, given in ((generator, z), (discriminator, x)):
        with pytest.raises(ValueError, match="has 4 classes and needs the label of every example, got none"):
            network(given)
    generator, discriminator = small(**options)
    generator.eval()
    assert torch.equal(generator(z, label), generator(z))
    assert torch.equal(discriminator(x, label), discriminator(x))


@pytest.mark.parametrize("norm", ["none", "layer"])
def test_a_discriminators_examples_do_not_see_each_other(norm):
    discriminator, x = perturbed(ResNetDiscriminator(SHAPE, 8, 4, norm, attention=8)), double(4, *SHAPE)
    label = torch.arange(4)
    logits = discriminator(x, label)
    torch.testing.assert_close(discriminator(x[2:3], label[2:3]), logits[2:3])
    assert torch.autograd.gradcheck(lambda x: discriminator(x, label[:1]), x[:1, :, :, :].requires_grad_())


def test_layer_norm_takes_the_scale_off():
    """Scaled by a positive number, what a normed residual reads is the same; the shortcut is linear."""
    block, x = DownBlock(4, 6, False, True, "layer").double(), double(3, 4, 6, 6)
    nn.init.zeros_(block.shortcut.weight)
    torch.testing.assert_close(block(3 * x), block(x), rtol=1e-4, atol=1e-4)
    flat = block.residual[0](x).flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(3).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(flat.var(1, correction=0), torch.ones(3).double(), rtol=0, atol=1e-4)


def test_spectral_norm_wraps_every_layer():
    generator, discriminator = small(classes=4, attention=8)
    for network, layers in ((generator, 1 + 2 * 3 + 1 + 4), (discriminator, 3 * 2 + 1 + 4 + 2)):
        wrapped = [m for m in spectral_norm(network).modules() if parametrize.is_parametrized(m, "weight")]
        assert len(wrapped) == layers
        assert not [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m not in wrapped]


def test_every_weight_is_reached():
    generator, discriminator = (perturbed(network) for network in small(classes=4, attention=8))
    label = torch.arange(4)
    logits = discriminator(generator(double(4, 5), label), label)
    parameters = [*generator.parameters(), *discriminator.parameters()]
    for gradient in torch.autograd.grad(logits.square().sum(), parameters):
        assert gradient.abs().amax() > 0


@pytest.mark.parametrize(("side", "place"), [(4, 0), (8, 1), (16, 2)])
def test_attention_is_at_its_side(side, place):
    """Of the generator, where planes are first so large; of the discriminator, after the block that makes them."""
    generator = ResNetGenerator(5, SHAPE, 8, attention=side)
    assert [isinstance(block, SelfAttention) for block in generator.blocks].index(True) == place
    discriminator = ResNetDiscriminator((3, 32, 32), 8, attention=8)
    assert [isinstance(layer, SelfAttention) for layer in discriminator.features].index(True) == 2


def test_what_there_is_not():
    for make in (lambda shape: ResNetGenerator(5, shape), ResNetDiscriminator):
        for shape in ((1, 30, 30), (32, 32), (1, 4, 4)):
            with pytest.raises(ValueError, match=r"take square images \(C, S, S\) whose side"):
                make(shape)
    with pytest.raises(ValueError, match=r"at a side of the planes \(\[4, 8, 16\]\) or None, got 7"):
        ResNetGenerator(5, SHAPE, attention=7)
    with pytest.raises(ValueError, match=r"at a side of the planes \(\[8\]\) or None, got 16"):
        ResNetDiscriminator(SHAPE, attention=16)
