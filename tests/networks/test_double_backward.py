"""Layers that are quick to differentiate twice: torch's, to any order, by fewer operators."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from zerosum.networks import Conv2d, LeakyReLU, double_backward
from zerosum.networks.double_backward import Placing, channels_last, convolve, rectify

PLACINGS = [
    Placing(),
    Placing(padding=(1, 1)),
    Placing((2, 2), (1, 1)),
    Placing((1, 1), (2, 2), (2, 2)),
    Placing(padding=(1, 1), groups=2),
    Placing((2, 2), (1, 1), transposed=True, output_padding=(1, 1)),
    Placing((2, 2), (1, 1), transposed=True, groups=2),
]


def tensors(*shapes, dtype=torch.float64):
    made = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=made, dtype=dtype).requires_grad_() for shape in shapes]


class Operators(TorchDispatchMode):
    """Takes down the operators that run."""

    def __init__(self):
        super().__init__()
        self.ran = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.ran.append((str(function.overloadpacket), args))
        return function(*args, **(kwargs or {}))

    def named(self, name):
        return [args for ran, args in self.ran if ran == f"aten.{name}"]


@pytest.mark.parametrize("placing", PLACINGS)
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_of_every_kind_to_the_second_order(placing, bias):
    x, weight, b = tensors((2, 4, 5, 5), (4, 4 // placing.groups, 3, 3), (4,))
    given = (x, weight, b) if bias else (x, weight)

    def of(x, weight, b=None):
        return convolve(x, weight, b, placing)

    torch.testing.assert_close(of(*given), torch.convolution(*given, *([] if bias else [None]), *placing))
    assert gradcheck(of, given)
    assert gradgradcheck(of, given)


def test_to_the_third_order():
    x, weight = tensors((1, 1, 3, 3), (2, 1, 2, 2))

    def slope(x, weight):
        y = convolve(x, weight, None, Placing()).sin().sum()
        return torch.autograd.grad(y, x, create_graph=True)[0].square().sum()

    assert gradgradcheck(slope, (x, weight))


@pytest.mark.parametrize("shape", [(3, 1, 6, 6), (3, 4, 6, 6), (3, 4, 1, 1), (0, 4, 6, 6)])
def test_planes_keep_their_values_and_change_their_layout(shape):
    (x,) = tensors(shape)
    moved = channels_last(x)
    assert torch.equal(moved, x)
    assert not x.numel() or moved.stride(1) == 1


def test_a_layer_is_torchs():
    torch.manual_seed(0)
    theirs = nn.Conv2d(4, 6, 3, 2, 1, groups=2)
    ours = Conv2d(4, 6, 3, 2, 1, groups=2)
    ours.load_state_dict(theirs.state_dict())
    (x,) = tensors((2, 4, 8, 8), dtype=torch.float32)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.manual_seed(0)
    circular = Conv2d(4, 6, 3, padding=1, padding_mode="circular")
    torch.manual_seed(0)
    torch.testing.assert_close(circular(x), nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular")(x))
    assert Conv2d(4, 6, 3, padding="same")(x).shape == (2, 6, 8, 8)


def critic(kind, rectifier):
    torch.manual_seed(0)
    layers = [kind(1, 8, 1), rectifier(0.2), kind(8, 8, 3, padding=1, groups=2), rectifier(0.2), kind(8, 4, 1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 64, 1))


def penalised(network, x):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), list(network.parameters()), allow_unused=True)


def test_a_penalty_is_torchs_by_fewer_operators():
    (x,) = tensors((4, 1, 8, 8), dtype=torch.float32)
    with Operators() as plain:
        theirs = penalised(critic(nn.Conv2d, nn.LeakyReLU), x)
    with Operators() as own:
        ours = penalised(critic(Conv2d, LeakyReLU), x)
    for a, b in zip(ours, theirs, strict=True):
        if a is None:  # for a bias that nothing reaches, torch may make zeros
            assert b is None or not b.any()
        else:
            torch.testing.assert_close(a, b)
    assert plain.named("zeros_like")
    assert not own.named("zeros_like")
    # Three on the way to the slope at x, which ask for nothing of the weights, and three for these on the way back.
    masks = [args[-1] for args in own.named("convolution_backward")]
    assert masks.count([True, False, False]) == 3
    assert masks.count([False, True, False]) == 3
    assert len(masks) == 6
    # And no convolution by filters as large as the planes.
    assert all(args[1].shape[-1] <= 3 for args in own.named("convolution"))
    assert any(args[1].shape[-1] > 3 for args in plain.named("convolution"))


def test_backward_reaches_every_parameter():
    ours, theirs = critic(Conv2d, LeakyReLU), critic(nn.Conv2d, nn.LeakyReLU)
    (x,) = tensors((4, 1, 8, 8), dtype=torch.float32)
    for network in (ours, theirs):
        network(x.detach()).square().sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("make", [lambda t: t, lambda t: 2 * t])
def test_what_is_asked_for_is_found_whether_it_is_a_leaf_or_not(make):
    leaves = tensors((2, 2, 4, 4), (2, 2, 3, 3), (2,))
    given = [make(t) for t in leaves]
    theirs = torch.autograd.grad(torch.convolution(*given, *Placing()).sin().sum(), given, retain_graph=True)
    for of, slope in zip(given, theirs, strict=True):
        with Operators() as own:
            (found,) = torch.autograd.grad(convolve(*given, Placing()).sin().sum(), of, retain_graph=True)
        torch.testing.assert_close(found, slope)
        ((*_, mask),) = own.named("convolution_backward")
        assert mask == [of is t for t in given]


def test_layouts_never_meet():
    network = critic(Conv2d, LeakyReLU).to(memory_format=torch.channels_last)
    (x,) = tensors((4, 1, 8, 8), dtype=torch.float32)
    with Operators() as own:
        penalised(network, x)
    for name in ("leaky_relu", "leaky_relu_backward"):
        assert own.named(name)
        assert all(t.stride(1) == 1 for args in own.named(name) for t in args if isinstance(t, torch.Tensor))


def test_in_bfloat16_both_ways():
    (x,) = tensors((4, 1, 8, 8), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = penalised(critic(Conv2d, LeakyReLU), x), penalised(critic(nn.Conv2d, nn.LeakyReLU), x)
    for a, b in zip(ours, theirs, strict=True):
        if a is not None:
            assert a.dtype == torch.float32
            torch.testing.assert_close(a, b, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("placing", PLACINGS)
def test_where_it_is_torchs_it_is_in_the_same_precision(monkeypatch, placing):
    x, weight, b = tensors((2, 4, 5, 5), (4, 4 // placing.groups, 3, 3), (4,), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours = convolve(x, weight, b, placing)
        monkeypatch.setattr(double_backward, "_transformed", lambda: True)
        theirs = convolve(x, weight, b, placing)
        mixed = convolve(x.bfloat16(), weight, b, placing)
    assert ours.dtype == theirs.dtype == mixed.dtype == torch.bfloat16
    assert torch.equal(theirs, mixed)
    if not placing.transposed:
        torch.testing.assert_close(ours, theirs)
    # kernels of transposed ones may round parts of a sum: what is left of it may be small beside what was added up
    given = [t.detach().bfloat16().double() for t in (x, weight, b)]
    exact, added = torch.convolution(*given, *placing), torch.convolution(*map(torch.abs, given), *placing)
    for found in (ours, theirs):
        assert ((found.double() - exact).abs() <= 2**-7 * added).all()


def test_where_transforms_are_at_work_they_are_torchs():
    x, weight = tensors((2, 2, 4, 4), (2, 2, 3, 3))

    def one(x):
        return rectify(convolve(x[None], weight, None, Placing()), 0.2).square().sum()

    slopes = torch.func.vmap(torch.func.grad(one))(x.detach())
    torch.testing.assert_close(slopes, torch.autograd.grad(sum(one(row) for row in x), x)[0])


def test_the_rectifier_to_the_second_order():
    (x,) = tensors((4, 5))
    assert torch.equal(rectify(x, 0.2), nn.functional.leaky_relu(x, 0.2))
    assert gradcheck(lambda x: rectify(x, 0.2), x)
    assert gradgradcheck(lambda x: rectify(x, 0.2).sin(), x)
