"""The dense networks with labels, against their formulas."""

import pytest
import torch
from torch.nn.functional import one_hot as torchs

from zerosum.networks import ConditionalDiscriminator, ConditionalGenerator, one_hot


def numbered(network, seed=0):
    """The network in evaluation mode, every parameter drawn anew so that none is 0."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw))
    return network.double().eval()


def dense(layer, x):
    return x @ layer.weight.T + layer.bias


def maxout(layer, x):
    """Unit j of piece i has row i * units + j."""
    rows = dense(layer.linear, x)
    return torch.stack([rows[:, i * layer.units : (i + 1) * layer.units] for i in range(layer.pieces)]).amax(0)


def test_the_generator_is_its_formula():
    network = numbered(ConditionalGenerator(3, (1, 2, 5), 4, hidden=12))
    z, label = torch.randn(6, 3, dtype=torch.float64), torch.arange(6) % 4
    assert network.noise[0].out_features == 2
    assert network.label[0].out_features == 10
    first = torch.cat([dense(network.noise[0], z), dense(network.label[0], torchs(label, 4).double())], 1).relu()
    second = dense(network.joint[1], first).relu()
    # Sigmoids in [0, 1] shown in [-1, 1] are tangents of half the argument.
    expected = 2 * torch.sigmoid(2 * dense(network.out, second)) - 1
    torch.testing.assert_close(network(z, label), expected.view(6, 1, 2, 5))


def test_the_discriminator_is_its_formula():
    network = numbered(ConditionalDiscriminator((1, 2, 3), 4, units=7, label_units=3))
    x, label = 2 * torch.rand(6, 1, 2, 3, dtype=torch.float64) - 1, torch.arange(6) % 4
    features = maxout(network.features[3], (x.flatten(1) + 1) / 2)
    told = maxout(network.head.label[0], torchs(label, 4).double())
    logit = dense(network.head.joint[2], maxout(network.head.joint[0], torch.cat([features, told], 1)))
    torch.testing.assert_close(network(x, label), logit)
    torch.testing.assert_close(network.head(network.features(x), label), logit)
    pieces = [layer.pieces for layer in (network.features[3], network.head.label[0], network.head.joint[0])]
    assert pieces == [5, 5, 4]


def test_sizes_are_the_papers():
    generator, discriminator = ConditionalGenerator(100, (1, 28, 28), 10), ConditionalDiscriminator((1, 28, 28), 10)
    assert [generator.noise[0].out_features, generator.label[0].out_features] == [200, 1000]
    assert [generator.joint[1].weight.shape, generator.out.out_features] == [(1200, 1200), 784]
    assert [discriminator.features[3].units, discriminator.head.label[0].units] == [240, 50]
    assert discriminator.head.joint[0].linear.weight.shape == (4 * 240, 290)


def test_hidden_units_are_dropped_in_training_alone():
    torch.manual_seed(0)
    generator, z = ConditionalGenerator(3, (4,), 2, hidden=60, dropout=0.5), torch.randn(2000, 3)[:1].expand(2000, 3)
    label = torch.zeros(2000, dtype=torch.int64)
    assert generator(z, label).std(0).max() > 1e-3
    still = generator.eval()(z, label)
    assert torch.allclose(still, still[:1])


def test_one_hot_is_torchs_and_needs_labels():
    label = torch.tensor([2, 0, 1, 2])
    assert torch.equal(one_hot(label, 3), torchs(label, 3).float())
    with pytest.raises(ValueError, match="has 3 classes and needs the label of every example, got none"):
        one_hot(None, 3)
