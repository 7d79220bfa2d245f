"""The networks of R3GAN: what they are before training, and that a trained one is what it should be."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu

from tests.networks.weights import count, double, perturbed
from zerosum.losses import r1, r2
from zerosum.networks import R3GANDiscriminator, R3GANGenerator, resolutions
from zerosum.networks.r3gan import _Block

SHAPE = (3, 16, 16)


def small(classes=None, shape=SHAPE):
    generator = R3GANGenerator(5, shape, width=8, blocks=1, classes=classes)
    return generator.double(), R3GANDiscriminator(shape, width=8, blocks=1, classes=classes).double()


def test_identity_25_every_block_is_the_identity():
    for network in small():
        blocks = [module for module in network.modules() if isinstance(module, _Block)]
        assert len(blocks) == len(resolutions(SHAPE))
        for block in blocks:
            x = double(2, 8, 5, 5)
            assert torch.equal(block(x), x)
            assert not torch.equal(perturbed(block)(x), x)


def test_a_block_is_the_papers():
    """x + W3 f(W2 f(W1 x + b1) + b2), the 3x3 filters in groups."""
    block = perturbed(_Block(8, 1.0, 4)).double()
    first, _, second, _, third = block.residual
    x = double(2, 8, 5, 5)
    hidden = leaky_relu(torch.einsum("oi,nihw->nohw", first.weight[:, :, 0, 0], x) + first.bias[:, None, None], 0.2)
    parts = [conv2d(part, w, padding=1) for part, w in zip(hidden.chunk(4, 1), second.weight.chunk(4), strict=True)]
    hidden = leaky_relu(torch.cat(parts, 1) + second.bias[:, None, None], 0.2)
    torch.testing.assert_close(block(x), x + torch.einsum("oi,nihw->nohw", third.weight[:, :, 0, 0], hidden))


def test_the_smallest_planes_are_weights_of_a_basis():
    generator, discriminator = small()
    z, seen = double(2, 5), []
    generator.body[0].register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    generator(z)
    wanted = torch.einsum("nc,chw->nchw", z @ generator.weights.weight.T, generator.basis)
    torch.testing.assert_close(seen[0], wanted)
    filters = discriminator.features[-2].weight[:, 0]
    torch.testing.assert_close(discriminator.features[-2:](wanted), (wanted * filters).sum((2, 3)))


def test_identity_25_a_new_generator_is_linear():
    generator, _ = small()
    a, b = double(4, 5), double(4, 5)
    torch.testing.assert_close(generator(2 * a - 3 * b), 2 * generator(a) - 3 * generator(b))
    assert float(generator(a).detach().abs().max()) > 1e-3


@pytest.mark.parametrize("classes", [None, 7])
def test_identity_25_a_new_discriminator_has_one_slope(classes):
    """The same at every image, so that R1 at real images is R2 at generated ones."""
    _, discriminator = small(classes)
    label = None if classes is None else torch.full((4,), 3)
    x, fake = double(4, *SHAPE).requires_grad_(), double(4, *SHAPE)
    logits = discriminator(x, label)
    (slope,) = torch.autograd.grad(logits.sum(), x)
    torch.testing.assert_close(slope, slope[:1].expand_as(slope))
    torch.testing.assert_close(logits.flatten(), (slope * x).flatten(1).sum(1))
    penalties = [penalty(lambda x: discriminator(x, label), at) for penalty, at in ((r1, x), (r2, fake))]
    torch.testing.assert_close(*penalties)
    perturbed(discriminator)
    penalties = [penalty(lambda x: discriminator(x, label), at) for penalty, at in ((r1, x), (r2, fake))]
    assert penalties[0].item() != pytest.approx(penalties[1].item(), rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 40), (4, 64, 64), (2, 8, 8)])
def test_every_stage_doubles_or_halves_the_side(shape):
    """Up to 32x32 planes have the width, beyond half as much for each doubling."""
    generator, discriminator = small(shape=shape)
    seen = {generator: [], discriminator: []}
    for network, planes_seen in seen.items():
        for module in network.modules():
            if isinstance(module, _Block):
                module.register_forward_hook(lambda _m, _i, out, to=planes_seen: to.append(tuple(out.shape[1:])))
    x = generator(double(2, 5))
    assert x.shape == (2, *shape)
    assert discriminator.features(x).shape == (2, 8)
    assert discriminator(x).shape == (2, 1)
    assert seen[generator] == [(4 if side > 32 else 8, side, side) for side in resolutions(shape)]
    assert seen[discriminator][: len(resolutions(shape))] == seen[generator][::-1]


def test_the_papers_generators():
    """CIFAR-10: 768 channels at 4, 8, 16 and 32, eight blocks; FFHQ: half at 64, a quarter at 128, an eighth at 256."""
    with torch.device("meta"):
        cifar, labelled = (R3GANGenerator(64, (3, 32, 32), width=768, classes=classes) for classes in (None, 10))
        faces = R3GANGenerator(64, (3, 256, 256), width=768)
    groups = {m.groups for m in cifar.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)}
    assert groups == {96}

    def blocks(width):
        return 2 * (2 * 2 * width**2 + 2 * width * 16 * 9 + 2 * 2 * width)

    rest = 768 * 16 + 64 * 768
    assert count(cifar) == 4 * blocks(768) + rest + 3 * 768 == 20_732_160
    assert count(labelled) == count(cifar) + 64 * 768 + 10 * 64
    changes = 768 * 384 + 384 * 192 + 192 * 96
    assert count(faces) == 4 * blocks(768) + blocks(384) + blocks(192) + blocks(96) + changes + rest + 3 * 96


SIZES = {
    # shape, width, blocks, group, classes: weights of the generator with a latent of 16, and of the discriminator
    ((1, 28, 28), 16, 1, 16, None): (18_144, 17_904),
    ((3, 32, 32), 32, 2, 16, 10): (109_312, 109_472),
    ((3, 64, 64), 32, 1, 16, None): (61_040, 60_560),
    ((4, 48, 48), 12, 2, 8, 3): (18_000, 17_748),
}


@pytest.mark.parametrize(("shape", "width", "blocks", "group", "classes"), SIZES)
def test_sizes_are_frozen(shape, width, blocks, group, classes):
    with torch.device("meta"):
        generator = R3GANGenerator(16, shape, width, blocks, group, classes)
        discriminator = R3GANDiscriminator(shape, width, blocks, group, classes)
    assert (count(generator), count(discriminator)) == SIZES[shape, width, blocks, group, classes]


@pytest.mark.parametrize(("width", "group", "groups"), [(8, 16, 1), (24, 16, 3), (20, 16, 2), (3, 16, 1), (7, 4, 2)])
def test_groups_are_equal_and_not_smaller_than_asked(width, group, groups):
    """But where there are fewer channels than a group has."""
    convs = [m for m in R3GANGenerator(4, (1, 8, 8), width, 1, group).modules() if isinstance(m, nn.Conv2d)]
    assert {m.groups for m in convs if m.kernel_size == (3, 3)} == {groups}


@torch.no_grad()
def test_weights_have_the_papers_scale():
    torch.manual_seed(0)
    networks = (
        R3GANGenerator(64, (3, 16, 16), width=64, classes=10),
        R3GANDiscriminator((3, 16, 16), width=64, classes=10),
    )
    inside = (2 / 1.04) ** 0.5 * (2 * 3) ** -0.25
    for network in networks:
        wanted = {}
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                gain = 1.0 if ".residual." not in name else 0.0 if name.endswith("4") else inside
                wanted[f"{name}.weight"] = gain * fan_in**-0.5
        wanted |= {
            "basis": 1.0,
            "embedding.weight": 10**-0.5,
            "head.embedding.weight": 64**-0.5 * 10**-0.5,
        }
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert not parameter.any()
                continue
            slack = 5 / parameter.numel() ** 0.5
            assert float(parameter.std()) == pytest.approx(wanted[name], rel=slack)
            assert float(parameter.mean()) == pytest.approx(0, abs=slack * wanted[name])


def test_labels_are_told_apart_and_demanded():
    generator, discriminator = (perturbed(network) for network in small(classes=4))
    z, x, label = double(1, 5).expand(4, 5), double(1, *SHAPE).expand(4, *SHAPE), torch.arange(4)
    assert len(generator(z, label).flatten(1).unique(dim=0)) == 4
    assert len(discriminator(x, label).unique()) == 4
    head = discriminator.head
    projected = (head.layer(discriminator.features(x)) * head.embedding.weight[label]).sum(1, keepdim=True)
    torch.testing.assert_close(discriminator(x, label), projected)
    for network, given in ((generator, z), (discriminator, x)):
        with pytest.raises(ValueError, match="has 4 classes and needs the label of every example, got none"):
            network(given)
    generator, discriminator = small()
    assert torch.equal(generator(z, label), generator(z))
    assert torch.equal(discriminator(x, label), discriminator(x))


def test_trained_networks_reach_every_weight_and_keep_examples_apart():
    generator, discriminator = (perturbed(network) for network in small(classes=4))
    z, label = double(4, 5), torch.arange(4)
    x = generator(z, label)
    logits = discriminator(x, label)
    parameters = [*generator.parameters(), *discriminator.parameters()]
    for gradient in torch.autograd.grad(logits.square().sum(), parameters):
        assert gradient.abs().amax() > 0
    torch.testing.assert_close(generator(z[2:3], label[2:3]), x[2:3])
    torch.testing.assert_close(discriminator(x[2:3], label[2:3]), logits[2:3])


def test_the_slope_has_a_slope():
    """What a penalty's step needs: the derivative along a direction of weights, against a difference."""
    discriminator = perturbed(small(shape=(1, 8, 8))[1])
    x = double(3, 1, 8, 8)
    parameters = list(discriminator.parameters())
    direction = [torch.randn_like(parameter) for parameter in parameters]
    gradients = torch.autograd.grad(r1(discriminator, x), parameters, allow_unused=True, materialize_grads=True)
    along = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    values = []
    for step in (1e-8, -2e-8):
        with torch.no_grad():
            for parameter, by in zip(parameters, direction, strict=True):
                parameter.add_(by, alpha=step)
        values.append(r1(discriminator, x).detach())
    torch.testing.assert_close(along, (values[0] - values[1]) / 2e-8, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 30, 30), (32, 32), (1, 4, 4)])
@pytest.mark.parametrize("make", [lambda shape: R3GANGenerator(10, shape), R3GANDiscriminator])
def test_other_shapes_are_refused(make, shape):
    with pytest.raises(ValueError, match=r"take square images \(C, S, S\) whose side"):
        make(shape)
