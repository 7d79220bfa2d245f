"""Projections and spectral norms against their definitions."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from zerosum.networks import clip, max_column_norm, spectral_norm


def test_max_column_norm_scales_back_what_is_too_long():
    """A unit's incoming weights are a row of torch's matrix."""
    project = max_column_norm(2.0)
    weight = torch.tensor([[3.0, 4.0], [0.6, 0.8], [0.0, 2.0]])
    out = project("weight", weight)
    torch.testing.assert_close(out, torch.tensor([[1.2, 1.6], [0.6, 0.8], [0.0, 2.0]]))
    torch.testing.assert_close(project("weight", out), out)
    bias = torch.tensor([30.0, 40.0])
    assert torch.equal(project("bias", bias), bias)


def test_max_column_norm_of_filters_is_over_all_their_weights():
    out = max_column_norm(1.9365)("weight", torch.randn(6, 3, 5, 5))
    torch.testing.assert_close(out.flatten(1).norm(dim=1), torch.full((6,), 1.9365))


def test_clipped_weights_lie_in_the_box():
    weight = torch.randn(50, 20)
    out = clip(0.3)("weight", weight)
    assert float(out.abs().max()) == pytest.approx(0.3)
    inside = weight.abs() < 0.3
    assert torch.equal(out[inside], weight[inside])
    with pytest.raises(ValueError, match="the bound of clipped weights must be positive, got -1"):
        clip(-1)


def largest(layer, dim=0):
    weight = layer.weight.detach()
    return float(torch.linalg.matrix_norm(weight.transpose(0, dim).flatten(1), 2))


LAYERS = {
    "linear": lambda: (nn.Linear(30, 20), torch.randn(4, 30), 0),
    "conv": lambda: (nn.Conv2d(3, 8, 3), torch.randn(4, 3, 6, 6), 0),
    "transposed": lambda: (nn.ConvTranspose2d(3, 8, 3), torch.randn(4, 3, 6, 6), 1),
    "embedding": lambda: (nn.Embedding(10, 4), torch.arange(10), 0),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_identity_45_spectral_norm_is_one(kind):
    """After some passes of the power iteration the largest singular value of the weight used is 1."""
    layer, x, dim = LAYERS[kind]()
    assert spectral_norm(layer) is layer
    for _ in range(50):
        layer(x)
    layer.eval()
    assert largest(layer, dim) == pytest.approx(1, abs=1e-3)


def test_identity_45_an_orthogonal_weight_stays():
    layer = nn.Linear(8, 8)
    nn.init.orthogonal_(layer.weight)
    before = layer.weight.detach().clone()
    spectral_norm(layer)
    torch.testing.assert_close(layer.eval().weight.detach(), before)


def test_identity_45_evaluation_leaves_the_iteration_alone():
    network = spectral_norm(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1)))
    before = copy.deepcopy(dict(network.named_buffers()))
    x = torch.randn(3, 6)
    network.eval()(x)
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    network.train()(x)
    assert not all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())


def test_slopes_of_normalised_rectifiers_are_at_most_one():
    network = spectral_norm(nn.Sequential(nn.Linear(6, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 1)))
    with torch.no_grad():
        for layer in network[::2]:
            layer.parametrizations.weight.original.mul_(7)
    for _ in range(100):
        network(torch.randn(2, 6))
    network.eval()
    x = torch.randn(200, 6, requires_grad=True)
    (slopes,) = torch.autograd.grad(network(x).sum(), x)
    assert float(slopes.norm(dim=1).max()) <= 1 + 1e-3


def test_a_parametrised_layer_is_not_normalised_twice():
    network = spectral_norm(spectral_norm(nn.Sequential(nn.Linear(3, 3))))
    assert len(network[0].parametrizations.weight) == 1
    assert parametrize.is_parametrized(network[0], "weight")
