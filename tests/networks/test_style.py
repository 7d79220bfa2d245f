"""The networks of StyleGAN2: styles against scaled weights, variances, sides, and what is drawn."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu

from tests.networks.weights import count, double, perturbed
from zerosum.losses import path_lengths, r1
from zerosum.networks import Blur, Downsample, StyleDiscriminator, StyleGenerator, Upsample, resolutions
from zerosum.networks.style import StyleMapping, _Block
from zerosum.networks.style_layers import Conv, Dense, MinibatchDeviation, StyledConv, StyledLayer

SHAPE = (3, 16, 16)


def small(classes=None, shape=SHAPE, **settings):
    generator = StyleGenerator(6, shape, width=8, depth=2, classes=classes, **settings)
    return generator.double(), StyleDiscriminator(shape, width=8, classes=classes).double()


# -- layers --------------------------------------------------------------------------------------------------------


def scaled_weights(layer, w):
    """The weights of every example, (N, out, in, k, k), as the paper writes them."""
    weights = (layer.weight * layer.scale)[None] * layer.style(w)[:, None, :, None, None]
    if layer.deviation is None:
        return weights
    return layer.deviation * weights / (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("deviation", [None, 1.0, 2**0.5])
def test_styles_scale_the_weights_of_every_example(kernel, deviation):
    layer = perturbed(StyledConv(5, 4, 3, kernel, deviation)).double()
    x, w = double(6, 4, 8, 8).requires_grad_(), double(6, 5).requires_grad_()

    def oracle(x, w):
        grouped = scaled_weights(layer, w).flatten(0, 1)
        return conv2d(x.reshape(1, -1, 8, 8), grouped, padding=kernel // 2, groups=6).view(6, 3, 8, 8)

    out, wanted = layer(x, w), oracle(x, w)
    torch.testing.assert_close(out, wanted)
    weight = double(*out.shape)
    leaves = (x, w, *layer.parameters())
    firsts, seconds = [], []
    for y in (out, wanted):
        slopes = torch.autograd.grad((y.square() * weight).sum(), (x, w), create_graph=True)
        firsts += slopes
        seconds.append(torch.autograd.grad(sum(slope.square().sum() for slope in slopes), leaves))
    torch.testing.assert_close(firsts[:2], firsts[2:])
    torch.testing.assert_close(*seconds)


@torch.no_grad()
def test_demodulated_outputs_have_the_deviation():
    """Exactly: the variance under white noise is the sum of the squared response to every single pixel."""
    layer = perturbed(StyledConv(5, 4, 3, 3, deviation=1.5)).double()
    w = double(1, 5)
    pixels = torch.eye(4 * 25, dtype=torch.float64).view(100, 4, 5, 5)
    responses = layer(pixels, w.expand(100, -1))[:, :, 2, 2]
    torch.testing.assert_close(
        responses.square().sum(0), torch.full((3,), 1.5**2, dtype=torch.float64), rtol=1e-5, atol=0
    )


@torch.no_grad()
def test_doubling_is_a_convolution_of_doubled_planes():
    """Of smooth interpolation and the mirrored filter, away from the border, in whichever order."""
    layer = StyledConv(5, 4, 3, 3, up=True).double()
    x, w = double(2, 4, 6, 6), double(2, 5)
    out = layer(x, w)
    assert out.shape == (2, 3, 12, 12)
    doubled = Upsample().double()(x * layer.style(w)[:, :, None, None])
    wanted = conv2d(doubled, (layer.weight * layer.scale).flip(2, 3), padding=1)
    torch.testing.assert_close(out[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2])


@torch.no_grad()
@pytest.mark.parametrize("kernel", [1, 3])
def test_halving_is_a_convolution_of_blurred_planes(kernel):
    layer = Conv(4, 3, kernel, down=True).double()
    x = double(2, 4, 10, 10)
    wanted = conv2d(Blur(padding=2).double()(x), layer.weight * layer.scale, padding=kernel // 2)
    assert layer(x).shape == (2, 3, 5, 5)
    torch.testing.assert_close(layer(x)[..., 1:-1, 1:-1], wanted[..., 1:-1:2, 1:-1:2][..., 1:-1, 1:-1])


def test_equalised_layers_are_scaled_ones():
    """Weights of variance 1 that are scaled where they are used: the same outputs, and gradients scaled as well."""
    x = double(7, 20)
    for rate in (1.0, 0.01):
        layer = Dense(20, 500, gain=3.0, rate=rate, bias=0.5).double()
        assert float((layer.weight.detach() * rate).std()) == pytest.approx(1, rel=0.05)
        weight = (layer.weight.detach() * 3 * rate / 20**0.5).requires_grad_()
        torch.testing.assert_close(layer(x), x @ weight.T + 1.5)
        (mine,) = torch.autograd.grad(layer(x).square().sum(), layer.weight)
        (plain,) = torch.autograd.grad((x @ weight.T + 1.5).square().sum(), weight)
        torch.testing.assert_close(mine, plain * 3 * rate / 20**0.5)
    conv = Conv(4, 300, 3, gain=2.0).double()
    assert float(conv.weight.detach().std()) == pytest.approx(1, rel=0.05)
    nn.init.ones_(conv.bias)
    x = double(2, 4, 5, 5)
    torch.testing.assert_close(conv(x), 2 * conv2d(x, conv.weight / 36**0.5, torch.ones(300).double(), padding=1))


def test_the_deviation_of_a_minibatch():
    layer = MinibatchDeviation(3).double()
    x = double(6, 2, 4, 4)
    out = layer(x)
    assert torch.equal(out[:, :2], x)
    for first in (0, 1):  # two groups of three, every other example
        wanted = x[first::2].std(0, correction=0).mean()
        torch.testing.assert_close(out[first::2, 2], wanted.expand(3, 4, 4))
    alike = layer(x[:1].expand(6, -1, -1, -1))
    torch.testing.assert_close(alike[:, 2], torch.full_like(alike[:, 2], 1e-4))
    known = torch.tensor([-1.0, 1.0, 5.0, 9.0], dtype=torch.float64).view(4, 1, 1, 1)
    torch.testing.assert_close(MinibatchDeviation(2)(known)[:, 1].flatten(), torch.tensor([3.0, 4, 3, 4]).double())
    torch.testing.assert_close(
        layer(known)[:, 1].flatten(), torch.tensor([3.0, 4, 3, 4]).double()
    )  # 3 does not divide 4
    torch.testing.assert_close(MinibatchDeviation(9)(known)[:, 1].flatten(), known.std(correction=0).expand(4))


@torch.no_grad()
@pytest.mark.parametrize("residual", [True, False])
def test_a_block_keeps_the_variance_of_the_sum_of_its_ways(residual):
    """Rectified convolutions of gain sqrt(2); what goes around is added and both are divided by sqrt(2)."""
    block = perturbed(_Block(4, 3, residual)).double()
    x = double(2, 4, 8, 8)
    first, second = (module for module in block.convs if isinstance(module, Conv))
    y = 2**0.5 * leaky_relu(conv2d(x, first.weight / 36**0.5, first.bias, padding=1), 0.2)
    y = conv2d(Blur(padding=2).double()(y), second.weight / 36**0.5, second.bias, stride=2)
    y = 2**0.5 * leaky_relu(y, 0.2)
    if residual:
        y = (y + conv2d(Downsample().double()(x), block.around[1].weight / 4**0.5)) / 2**0.5
    torch.testing.assert_close(block(x), y)


def test_the_gradient_of_the_deviation_is_finite_where_examples_are_alike():
    x = torch.ones(4, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(MinibatchDeviation(4)(x)[:, 1].sum(), x)
    assert not slope.any()


# -- the generator -------------------------------------------------------------------------------------------------


def test_the_mapping_reads_directions():
    """Lengths of z do not matter, and w is what dense layers make of the point of length sqrt(d) along it."""
    mapping = StyleMapping(6, 2).double()
    z = double(5, 6)
    w = z / z.square().mean(1, keepdim=True).sqrt()
    for layer in mapping.layers:
        w = 2**0.5 * leaky_relu(w @ (0.01 * layer.weight).T / 6**0.5 + 0.01 * layer.bias, 0.2)
    torch.testing.assert_close(mapping(z), w, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(mapping(7 * z), mapping(z), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 40, 40), (4, 64, 64), (2, 8, 8)])
def test_every_stage_doubles_or_halves_the_side(shape):
    generator, discriminator = small(shape=shape)
    seen = []
    for module in generator.modules():
        if isinstance(module, StyledLayer):
            module.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[1:])))
    x = generator(double(2, 6))
    assert x.shape == (2, *shape)
    assert seen == [(4 if side > 32 else 8, side, side) for side in resolutions(shape) for _ in range(2)][1:]
    assert generator.synthesis.layers == 2 * len(resolutions(shape))
    assert discriminator.features(x).shape == (2, 8)
    assert discriminator(x).shape == (2, 1)


def test_every_layer_has_its_style():
    """A change of the style of one layer changes the image; all colours but the last share one with a convolution."""
    synthesis = small()[0].eval().synthesis
    w = double(1, synthesis.layers, 6).requires_grad_()
    (slope,) = torch.autograd.grad((synthesis(w) * double(1, *SHAPE)).sum(), w)
    assert (slope.abs().amax(2) > 0).all()
    used = []
    for module in synthesis.modules():
        if isinstance(module, StyledConv):
            module.register_forward_hook(lambda m, inputs, _o: used.append((m.deviation is None, inputs[1])))
    synthesis(w)
    layers = {w[0, i].detach().numpy().tobytes(): i for i in range(synthesis.layers)}
    order = [(colours, layers[style[0].detach().numpy().tobytes()]) for colours, style in used]
    assert [layer for colours, layer in order if not colours] == [0, 1, 2, 3, 4]
    assert [layer for colours, layer in order if colours] == [1, 3, 5]


def test_noise_is_drawn_in_training_and_constant_in_evaluation():
    generator, _ = small(mixing=0.0)
    z = double(2, 6)
    torch.testing.assert_close(generator(z), generator(z))  # its strength begins at 0
    perturbed(generator)
    assert not torch.equal(generator(z), generator(z))
    generator.eval()
    images = generator(z)
    assert torch.equal(images, generator(z))
    torch.testing.assert_close(generator(z[1:]), images[1:])
    other = small(mixing=0.0)[0].eval()
    other.load_state_dict(generator.state_dict())
    assert torch.equal(other(z), images)
    layer = StyledLayer(6, 3, 2, 5).double()
    nn.init.constant_(layer.strength, 100.0)
    noise = layer(torch.zeros(3000, 3, 5, 5).double(), torch.zeros(3000, 6).double()) / 2**0.5 / 100
    noise = torch.where(noise > 0, noise, noise / 0.2).detach()
    torch.testing.assert_close(noise[:, 0], noise[:, 1])  # one for all channels
    assert float(noise[:, 0].mean()) == pytest.approx(0, abs=5 / 75_000**0.5)
    assert float(noise[:, 0].std()) == pytest.approx(1, abs=5 / 150_000**0.5)


@torch.no_grad()
def test_mixed_styles_are_of_two_latents():
    """Up to a layer of the first, from there on of another; the layer is any but the first, the share as asked."""
    generator, _ = small(mixing=0.75)
    z, n, layers = double(1, 6).expand(4000, -1), 4000, generator.synthesis.layers
    own = generator.mapping(z[:1])
    theirs = ((generator.styles(z) - own[:, None]).abs() > 1e-9).any(2)
    assert not theirs[:, 0].any()
    assert (theirs[:, 1:] >= theirs[:, :-1]).all()
    counts = theirs.sum(1).bincount(minlength=layers).double() / n
    wanted = torch.tensor([0.25, *[0.75 / (layers - 1)] * (layers - 1)], dtype=torch.float64)
    assert float((counts - wanted).abs().max()) < 5 * (0.25 * 0.75 / n) ** 0.5
    last = generator.styles(z)[:, -1]
    others = last[((last - own).abs() > 1e-9).any(1)]
    assert len(others.unique(dim=0)) == len(others)
    generator.eval()
    torch.testing.assert_close(generator.styles(z), own[:, None].expand(n, layers, -1))
    generator.train().mixing = 0.0
    torch.testing.assert_close(generator.styles(z), own[:, None].expand(n, layers, -1))


@torch.no_grad()
def test_truncation_is_towards_the_mean_of_training():
    generator, _ = small()
    z = double(50, 6)
    generator.eval()(z)
    assert not generator.mean.mean.any()
    generator.train()(z)
    torch.testing.assert_close(generator.mean.mean, 0.002 * generator.mapping(z).mean(0))
    generator.mean.mean.copy_(double(6))
    generator.eval()
    one = generator.synthesis(generator.mean.mean.expand(1, generator.synthesis.layers, -1))
    torch.testing.assert_close(generator(z, psi=0.0), one.expand(50, -1, -1, -1))
    half = (generator.mean.mean + generator.mapping(z)) / 2
    torch.testing.assert_close(generator(z, psi=0.5), generator.synthesis(half[:, None].expand(-1, 6, -1)))
    torch.testing.assert_close(generator(z, psi=1.0), generator(z))


# -- both ----------------------------------------------------------------------------------------------------------


def test_the_papers_networks():
    """CIFAR-10: 512 channels everywhere, a mapping of 2; 256 pixels: 8, and half at 64, a quarter at 128, ..."""
    with torch.device("meta"):
        generator, discriminator = StyleGenerator(512, (3, 32, 32), 512, 2), StyleDiscriminator((3, 32, 32), 512)
        plain = StyleDiscriminator((3, 32, 32), 512, residual=False)
        large = StyleGenerator(512, (3, 256, 256), 512, 8), StyleDiscriminator((3, 256, 256), 512)
    square = 512 * 512
    conv = 9 * square + 512 + square + 512 + 1  # weights, biases, the style's, the noise's strength
    colours = 3 * 512 + 3 + square + 512
    assert count(generator) == 2 * (square + 512) + 512 * 16 + 7 * conv + 4 * colours == 19_947_539
    blocks = 3 * 2 * (9 * square + 512)
    rest = 3 * 512 + 512 + 9 * 513 * 512 + 512 + 16 * square + 512 + 512 + 1
    assert count(plain) == blocks + rest
    assert count(discriminator) == blocks + 3 * square + rest == 21_507_073
    assert [count(network) for network in large] == [24_767_458, 24_001_089]


SIZES = {
    # shape, width, depth, classes: weights of the generator with a latent of 16, and of the discriminator
    ((1, 28, 28), 16, 8, None): (16_792, 24_865),
    ((3, 32, 32), 32, 2, 10): (72_595, 86_016),
    ((4, 64, 64), 32, 4, None): (80_957, 92_097),
}


@pytest.mark.parametrize(("shape", "width", "depth", "classes"), SIZES)
def test_sizes_are_frozen(shape, width, depth, classes):
    with torch.device("meta"):
        generator = StyleGenerator(16, shape, width, depth, classes=classes)
        discriminator = StyleDiscriminator(shape, width, classes=classes)
    assert (count(generator), count(discriminator)) == SIZES[shape, width, depth, classes]


def test_labels_are_told_apart_and_demanded():
    generator, discriminator = (network.eval() for network in small(classes=4))
    z, x, label = double(1, 6).expand(4, 6), double(1, *SHAPE).expand(4, *SHAPE), torch.arange(4)
    assert len(generator(z, label).flatten(1).unique(dim=0)) == 4
    assert len(discriminator(x, label).unique()) == 4
    head = discriminator.head
    projected = (head.layer(discriminator.features(x)) * head.embedding.weight[label]).sum(1, keepdim=True) / 8**0.5
    torch.testing.assert_close(discriminator(x, label), projected)
    for network, given in ((generator, z), (discriminator, x)):
        with pytest.raises(ValueError, match="has 4 classes and needs the label of every example, got none"):
            network(given)
    generator, discriminator = (network.eval() for network in small())
    assert torch.equal(generator(z, label), generator(z))
    assert torch.equal(discriminator(x, label), discriminator(x))


def test_every_weight_is_reached():
    generator, discriminator = small(classes=4)
    label = torch.arange(4)
    logits = discriminator(generator(double(4, 6), label), label)
    for gradient in torch.autograd.grad(logits.square().sum(), [*generator.parameters(), *discriminator.parameters()]):
        assert gradient.abs().amax() > 0


def along(value, parameters, step=1e-8):
    """The derivative of a value along a random direction of weights, and the difference quotient."""
    direction = [torch.randn_like(parameter) for parameter in parameters]
    gradients = torch.autograd.grad(value(), parameters, allow_unused=True, materialize_grads=True)
    values = []
    for by in (step, -2 * step):
        with torch.no_grad():
            for parameter, change in zip(parameters, direction, strict=True):
                parameter.add_(change, alpha=by)
        values.append(value().detach())
    return sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)), (values[0] - values[1]) / (2 * step)


def test_penalties_have_slopes():
    """Second derivatives of either network, against differences."""
    generator, discriminator = (perturbed(network).eval() for network in small(shape=(1, 8, 8)))
    x, noise = double(4, 1, 8, 8), double(4, 1, 8, 8)
    w = double(4, generator.synthesis.layers, 6).requires_grad_()
    torch.testing.assert_close(
        *along(lambda: r1(discriminator, x), list(discriminator.parameters())), rtol=1e-5, atol=1e-5
    )
    lengths = along(
        lambda: path_lengths(generator.synthesis(w), w, noise).square().mean(), list(generator.synthesis.parameters())
    )
    torch.testing.assert_close(*lengths, rtol=1e-5, atol=1e-5)


def test_evaluation_of_a_copy_is_that_of_the_network():
    """The mean of w, the noise and the filters go with a copy."""
    generator, _ = small()
    generator(double(8, 6))
    average = copy.deepcopy(generator).eval()
    z = double(2, 6)
    assert torch.equal(average(z, psi=0.7), generator.eval()(z, psi=0.7))


def test_other_settings_are_refused():
    with pytest.raises(ValueError, match=r"mixing two latents must lie in \[0, 1\], got 1.5"):
        StyleGenerator(6, SHAPE, mixing=1.5)
    for make in (lambda shape: StyleGenerator(6, shape), StyleDiscriminator):
        with pytest.raises(ValueError, match=r"take square images \(C, S, S\) whose side"):
            make((1, 30, 30))
