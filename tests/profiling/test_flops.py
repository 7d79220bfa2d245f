"""What work is made of, against closed forms."""

import pytest
import torch
from torch import nn

from zerosum.losses import gradient_penalty
from zerosum.profiling.flops import OperationCounts, count_operations


def test_a_linear_layer_and_its_backward():
    layer, x = nn.Linear(5, 3), torch.ones(4, 5)
    assert count_operations(lambda: layer(x)).flops == 2 * 4 * 5 * 3
    loss = layer(x).sum()
    assert count_operations(lambda: torch.autograd.grad(loss, layer.weight)).flops == 2 * 4 * 5 * 3


def test_a_convolution_and_its_backward():
    """16x16 to 8x8: each of the 8x8x7 outputs is a sum over 3 channels of 4x4."""
    layer, x = nn.Conv2d(3, 7, 4, stride=2, padding=1), torch.ones(2, 3, 16, 16, requires_grad=True)
    forward = 2 * (2 * 7 * 8 * 8) * (3 * 4 * 4)
    assert count_operations(lambda: layer(x)).flops == forward
    assert count_operations(lambda: torch.autograd.grad(layer(x).sum(), layer.weight)).flops == 2 * forward
    assert count_operations(lambda: torch.autograd.grad(layer(x).sum(), [x, layer.weight])).flops == 3 * forward


def test_the_double_backward_of_a_gradient_penalty():
    """a(x) = x w: forward 2 B p; slope = 1 w, 2 B p; its gradient in w, 2 B p; the value of a has no part in it."""
    batch, size = 6, 10
    critic, points = nn.Linear(size, 1, bias=False), torch.rand(batch, size)

    def play():
        torch.autograd.grad(gradient_penalty(critic, points), critic.weight)

    assert count_operations(play).flops == 3 * 2 * batch * size


def test_operators_are_counted_below_autograd_with_views():
    x = torch.ones(3, 4)
    assert count_operations(lambda: x.t().exp().add_(1)) == OperationCounts(operators=3, flops=0, waits=())
    linear = torch.nn.functional.linear
    assert count_operations(lambda: linear(x, x, x[:, 0])).operators == 3  # select, t, addmm


@pytest.mark.parametrize(
    ("ask", "waits"),
    [
        (lambda x: x[0].item(), ("_local_scalar_dense",)),
        (lambda x: 1 if (x > 0).all() else 0, ("_local_scalar_dense",)),
        (lambda x: x.nonzero(), ("nonzero",)),
        (lambda x: x[x > 0], ("index",)),
        (lambda x: x.masked_select(x > 0), ("masked_select",)),
        (lambda x: torch.equal(x, x), ("equal",)),
        (lambda x: x.unique(), ("_unique2",)),
        (lambda x: x[torch.tensor([1, 0])], ()),
        (lambda x: x.double().copy_(x), ()),
    ],
)
def test_waits_are_counted(ask, waits):
    x = torch.tensor([1.0, -2.0, 3.0])
    assert count_operations(lambda: ask(x)).waits == waits


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_copy_from_the_device_waits():
    x = torch.ones(3, device="cuda")
    assert count_operations(lambda: x.cpu()).waits == ("_to_copy",)
    assert count_operations(lambda: x.cpu().cuda()).waits == ("_to_copy",)


def test_inner_gradients_of_leaves_are_counted():
    """Where torch's own counter fails."""
    x = torch.ones(2, 3, requires_grad=True)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh())

    def play():
        (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        slope.square().sum().backward()

    assert count_operations(play).flops > 0
