"""Maxout, and what the networks of 2014 have around it: dropout, deconvolutions, a limit on the weights."""

import itertools

import pytest
import torch
from torch import nn

from zerosum.networks import Maxout, MaxoutConv
from zerosum.networks.maxout import largest


def weights(layer, *rows):
    """Give a layer of one input these (weight, bias) per linear map."""
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[w] for w, _ in rows]))
        layer.linear.bias.copy_(torch.tensor([b for _, b in rows]))
    return layer


def test_a_unit_is_the_largest_of_its_maps():
    layer = Maxout(4, 3, pieces=5)
    x = torch.randn(7, 4)
    assert layer(x).shape == (7, 3)
    maps = x @ layer.linear.weight.T + layer.linear.bias
    expected = torch.stack([maps[:, unit::3].amax(1) for unit in range(3)], 1)  # map i of unit j is row 3 i + j
    torch.testing.assert_close(layer(x), expected)


def test_identity_41_maxout_of_x_and_minus_x_is_the_absolute_value():
    layer = weights(Maxout(1, 1, pieces=2), (1.0, 0.0), (-1.0, 0.0))
    x = torch.tensor([[-3.0], [-0.5], [0.0], [2.0]])
    assert torch.equal(layer(x), x.abs())


def test_identity_41_one_piece_is_linear():
    layer, x, y = Maxout(5, 3, pieces=1).double(), *torch.randn(2, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x @ layer.linear.weight.T + layer.linear.bias)
    torch.testing.assert_close(layer(x + y) - layer(y), layer(x) - layer(torch.zeros_like(x)))


def test_the_gradient_goes_to_the_piece_that_won():
    layer = weights(Maxout(1, 1, pieces=3), (1.0, 0.0), (-1.0, 0.0), (0.0, -5.0))
    layer(torch.tensor([[2.0]])).sum().backward()
    assert layer.linear.weight.grad.tolist() == [[2], [0], [0]]
    assert layer.linear.bias.grad.tolist() == [1, 0, 0]
    layer.zero_grad()
    layer(torch.tensor([[-3.0], [-1.0]])).sum().backward()
    assert layer.linear.weight.grad.tolist() == [[0], [-4], [0]]
    assert layer.linear.bias.grad.tolist() == [0, 2, 0]


def test_the_gradient_is_that_of_finite_differences():
    layer = Maxout(3, 2, pieces=4).double()
    assert torch.autograd.gradcheck(layer, torch.randn(5, 3, dtype=torch.float64, requires_grad=True))
    plane = MaxoutConv(2, 3, 2, kernel=3, padding=1, pool=3, stride=2).double()
    assert torch.autograd.gradcheck(plane, torch.randn(2, 2, 6, 6, dtype=torch.float64, requires_grad=True))


def test_the_planes_of_the_cifar_discriminator():
    """8x8 filters, pad 4, pool 4/2; 8x8, pad 3, pool 4/2; 5x5, pad 3, pool 2/2: 32 -> 16 -> 7 -> 5."""
    x, shapes = torch.zeros(2, 3, 32, 32), []
    for layer in (
        MaxoutConv(3, 32, 2, kernel=8, padding=4, pool=4, stride=2),
        MaxoutConv(32, 32, 2, kernel=8, padding=3, pool=4, stride=2),
        MaxoutConv(32, 192, 2, kernel=5, padding=3, pool=2, stride=2),
    ):
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 16, 16), (32, 7, 7), (192, 5, 5)]
    assert Maxout(192 * 5 * 5, 500, 5)(x.flatten(1)).shape == (2, 500)


@pytest.mark.parametrize(
    ("side", "kernel", "padding", "pool", "stride"), [(9, 3, 0, 2, 2), (10, 5, 2, 4, 3), (7, 2, 1, 3, 2)]
)
def test_sides_are_as_stated(side, kernel, padding, pool, stride):
    layer = MaxoutConv(1, 2, 3, kernel, padding, pool, stride)
    convolved = side + 2 * padding - kernel + 1
    expected = -(-(convolved - pool) // stride) + 1  # rounded up: a window over the edge counts
    assert layer(torch.zeros(1, 1, side, side)).shape == (1, 2, expected, expected)


def test_a_plane_is_the_largest_of_its_filters_then_the_largest_of_its_window():
    layer = MaxoutConv(2, 3, 4, kernel=3, padding=1, pool=2, stride=2)
    x = torch.randn(5, 2, 8, 8)
    maps = nn.functional.conv2d(x, layer.conv.weight, layer.conv.bias, padding=1)
    largest = torch.stack([maps[:, channel::3].amax(1) for channel in range(3)], 1)
    expected = largest.unflatten(3, (4, 2)).unflatten(2, (4, 2)).amax((3, 5))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding", "expected"), [(10, 5, 3, 0, 32), (4, 4, 2, 1, 8), (7, 3, 1, 1, 7)]
)
def test_identity_42_side_of_a_deconvolution(side, kernel, stride, padding, expected):
    """(n - 1) s + k - 2 p; 10 -> 32 is the CIFAR generator's."""
    assert (side - 1) * stride + kernel - 2 * padding == expected
    layer = nn.ConvTranspose2d(1, 1, kernel, stride=stride, padding=padding)
    assert layer(torch.zeros(1, 1, side, side)).shape[2:] == (expected, expected)


def test_identity_42_five_steps_of_four_make_a_second_of_sound():
    """16 * 4^5 = 16384, by kernels of 25: (n - 1) 4 + 25 - 2 * 11 + 1 = 4 n."""
    x = torch.zeros(1, 1, 16)
    for _ in range(5):
        x = nn.ConvTranspose1d(1, 1, 25, stride=4, padding=11, output_padding=1)(x)
    assert x.shape[2] == 16_384


def test_identity_42_what_a_patch_discriminator_sees():
    """Kernels of 4 with strides 2, 2, 2, 1, 1: back from the last layer 4, 7, 16, 34, 70 pixels."""
    strides = (2, 2, 2, 1, 1)
    seen = list(itertools.accumulate(reversed(strides), lambda n, stride: (n - 1) * stride + 4, initial=1))[1:]
    assert seen == [4, 7, 16, 34, 70]
    for first, expected in zip(range(4, -1, -1), seen, strict=True):
        layers = nn.Sequential(*(nn.Conv1d(1, 1, 4, stride=stride) for stride in strides[first:]))
        for parameter in layers.parameters():
            nn.init.ones_(parameter)
        x = torch.zeros(1, 1, 200, requires_grad=True)
        (slope,) = torch.autograd.grad(layers(x)[0, 0, 0], x)
        assert int((slope != 0).sum()) == expected


@pytest.mark.parametrize("shape", [(7, 5, 6), (3, 2, 4, 5, 6), (4, 1, 3)])
def test_the_largest_and_its_gradients_are_those_of_amax(shape):
    """Ties too: of rounded numbers many are equal."""
    x = (2 * torch.randn(shape, dtype=torch.float64)).round().requires_grad_()
    weight = torch.randn((shape[0], *shape[2:]), dtype=torch.float64)
    mine, theirs = largest(x), x.amax(1)
    assert torch.equal(mine, theirs)
    for a, b in zip(*(torch.autograd.grad((out * weight).sum(), x) for out in (mine, theirs)), strict=True):
        assert torch.equal(a, b)


def test_the_second_derivative_of_a_function_of_the_largest():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: largest(v.tanh()), x)
    assert torch.autograd.gradgradcheck(lambda v: largest(v.tanh()).square(), x)


def test_the_largest_under_transformations_of_functions():
    x = torch.randn(6, 3, 4)
    slopes = torch.func.vmap(torch.func.grad(lambda v: largest(v[None]).square().sum()))(x)
    torch.testing.assert_close(slopes, torch.func.grad(lambda v: v.amax(1).square().sum())(x))
