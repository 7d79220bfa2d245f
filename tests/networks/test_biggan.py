"""BigGAN's networks: what a chunk of the latent moves, how weights begin, and the authors' sizes."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from zerosum.losses import orthogonal
from zerosum.networks import BigGANGenerator, ModulatedBatchNorm2d, biggan_discriminator, resolutions, spectral_norm
from zerosum.networks.resnet import UpBlock

SHAPE = (3, 16, 16)


def double(*size):
    return torch.randn(*size, dtype=torch.float64)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def small(classes=None, attention=None):
    return BigGANGenerator(6, SHAPE, 8, classes, 5, attention).double()


def conditions(generator, *given):
    """What every block's norms are given, and what the dense layer is."""
    seen = []
    hooks = [
        m.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[-1]))
        for m in generator.modules()
        if isinstance(m, ModulatedBatchNorm2d) or m is generator.first
    ]
    generator(*given)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("attention", [None, 4, 8])
@pytest.mark.parametrize("classes", [None, 4])
def test_a_chunk_moves_its_block_alone(classes, attention):
    """The first the dense layer, each other one the two norms of a block, and a label all of these."""
    generator, z = small(classes, attention), double(3, 6)
    given = () if classes is None else (torch.tensor([0, 3, 1]),)
    before = conditions(generator, z, *given)
    assert [vector.shape[1] for vector in before] == [2] + 4 * [2 if classes is None else 7]
    for chunk, places in enumerate(([0], [1, 2], [3, 4])):
        moved = z.clone()
        moved[:, 2 * chunk : 2 * chunk + 2] += 1
        after = conditions(generator, moved, *given)
        assert [n for n in range(5) if not torch.equal(before[n], after[n])] == places
    if classes is not None:
        after = conditions(generator, z, given[0].flip(0))
        assert [n for n in range(5) if not torch.equal(before[n], after[n])] == [1, 2, 3, 4]
        embedded = generator.embedding.weight[given[0]]
        assert all(torch.equal(vector[:, :5], embedded) for vector in before[1:])


def test_labels_are_told_apart_and_demanded():
    z, x, label = double(1, 6).expand(4, 6), double(1, *SHAPE).expand(4, *SHAPE), torch.arange(4)
    generator, discriminator = small(4).eval(), biggan_discriminator(SHAPE, 8, 4).double()
    assert len(generator(z, label).flatten(1).unique(dim=0)) == 4
    assert len(discriminator(x, label).unique()) == 4
    with pytest.raises(ValueError, match="has 4 classes and needs the label of every example, got none"):
        generator(z)
    generator, discriminator = small().eval(), biggan_discriminator(SHAPE, 8).double()
    assert torch.equal(generator(z, label), generator(z))
    assert torch.equal(discriminator(x, label), discriminator(x))


def test_weights_are_orthogonal_at_first():
    """Rows or columns have length 1, the penalty on wide ones is 0 and so is its gradient."""
    for network in (small(4, 8), biggan_discriminator(SHAPE, 8, 4, 8).double()):
        wide = []
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
                w = module.weight.detach().flatten(1)
                product = w @ w.T if len(w) <= w.shape[1] else w.T @ w
                torch.testing.assert_close(product, torch.eye(len(product)).double(), rtol=0, atol=1e-6)
                wide += [module.weight] if len(w) <= w.shape[1] else []
        penalty = orthogonal(wide)
        assert float(penalty.detach()) < 1e-10
        assert max(float(g.abs().max()) for g in torch.autograd.grad(penalty, wide)) < 1e-5


def test_the_penalty_is_the_authors():
    """beta ||W W^T (1 - I)||^2 by hand, on filters of weights that are not orthogonal."""
    w = double(4, 3, 3, 3)
    rows = w.flatten(1)
    wanted = sum((a @ b) ** 2 for n, a in enumerate(rows) for m, b in enumerate(rows) if n != m)
    torch.testing.assert_close(orthogonal([w]), wanted)


def test_the_authors_generator_for_cifar():
    """Width 256, chunks of 32 of a latent of 128, an embedding of 128; the authors' convolutions have biases."""
    with torch.device("meta"):
        generator = BigGANGenerator(128, (3, 32, 32), 256, classes=10)
        discriminator = biggan_discriminator((3, 32, 32), 256, classes=10)
    norms = 2 * 2 * (32 + 128) * 256
    block = 2 * 9 * 256 * 256 + 256 * 256 + norms
    assert count(generator) == 33 * 16 * 256 + 3 * block + 2 * 256 + (9 * 256 + 1) * 3 + 1280
    pair = 2 * (9 * 256 + 1) * 256
    first = (9 * 3 + 1) * 256 + (9 * 256 + 1) * 256 + 4 * 256
    assert count(discriminator) == first + 3 * pair + 257 * 256 + 257 + 2560


SIZES = {
    # shape, width, classes, attention: weights of the generator with a latent of 60, and of the discriminator
    ((1, 28, 28), 16, 10, None): (33_345, 12_241),
    ((3, 32, 32), 32, None, 16): (74_532, 68_130),
    ((3, 64, 64), 32, 10, 32): (95_636, 74_482),
    ((4, 48, 48), 12, 3, 12): (20_129, 8_240),
}


@pytest.mark.parametrize(("shape", "width", "classes", "attention"), SIZES)
def test_sizes_are_frozen(shape, width, classes, attention):
    with torch.device("meta"):
        generator = BigGANGenerator(60, shape, width, classes, 32, attention)
        discriminator = biggan_discriminator(shape, width, classes, attention)
    assert (count(generator), count(discriminator)) == SIZES[shape, width, classes, attention]


def test_spectral_norm_wraps_every_layer():
    generator = spectral_norm(small(4, 8))
    layers = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 1 + 1 + 2 * (3 + 4) + 4 + 1
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    assert generator(double(3, 6), torch.arange(3)).isfinite().all()


def test_every_weight_is_reached():
    generator = small(4, 8)
    nn.init.ones_(next(p for name, p in generator.named_parameters() if name.endswith("gamma")))
    x = generator(double(4, 6), torch.arange(4))
    for gradient in torch.autograd.grad((x * double(*x.shape)).sum(), list(generator.parameters())):
        assert gradient.abs().amax() > 0


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64)])
def test_other_images(shape):
    generator = BigGANGenerator(60, shape, 8)
    assert generator(torch.randn(2, 60)).shape == (2, *shape)
    assert len([block for block in generator.blocks if isinstance(block, UpBlock)]) == len(resolutions(shape)) - 1


def test_what_there_is_not():
    with pytest.raises(ValueError, match="cut into 3 equal chunks for 16 pixels, so it must be a multiple, got 7"):
        BigGANGenerator(7, SHAPE)
    with pytest.raises(ValueError, match=r"take square images \(C, S, S\) whose side"):
        BigGANGenerator(6, (1, 30, 30))
    with pytest.raises(ValueError, match="at a side of the planes"):
        BigGANGenerator(6, SHAPE, attention=7)
