r"""Maxout layers: the largest of k linear maps, :math:`h_j = \max_{i \le k} (x \cdot W_{ij} + b_{ij})`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from zerosum.networks.double_backward import Conv2d, left_to_torch


def largest(x: Tensor) -> Tensor:
    """The largest along axis 1, (N, pieces, ...) to (N, ...), and the gradients of ``x.amax(1)`` in half their time.

    Equal ones share the gradient.
    """
    if left_to_torch():
        return x.amax(1)
    out: Tensor = _Largest.apply(x)  # type: ignore[no-untyped-call]
    return out


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        top = x.amax(1)
        ctx.save_for_backward(x, top)
        return top

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, top = (kept.detach() for kept in ctx.saved_tensors)  # who wins is piecewise constant
        winners = x.sub(top.unsqueeze(1)).eq_(0)  # as floats: that of amax makes booleans and counts them as integers
        shared: Tensor = winners * (gradient / winners.sum(1)).unsqueeze(1)
        return shared


class Maxout(nn.Module):
    """Dense maxout, (N, inward) to (N, units); with one piece it is a linear layer.

    Arguments:
        inward: Features that come in.
        units: Features that go out.
        pieces: Linear maps each unit takes the largest of.

    References:
        | Maxout Networks (Goodfellow et al., 2013), eq. 1
        | https://arxiv.org/abs/1302.4389

    Examples:
        >>> import torch
        >>> layer = Maxout(1, 1, pieces=2)
        >>> _ = layer.linear.weight.data.copy_(torch.tensor([[1.0], [-1.0]])), layer.linear.bias.data.zero_()
        >>> layer(torch.tensor([[-3.0], [2.0]]))  # max(x, -x)
        tensor([[3.],
                [2.]], grad_fn=<_LargestBackward>)
    """

    def __init__(self, inward: int, units: int, pieces: int):
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = nn.Linear(inward, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        # Pieces on the outer axis: the largest is taken over rows that lie next to each other in memory.
        return largest(self.linear(x).unflatten(1, (self.pieces, self.units)))


class MaxoutConv(nn.Module):
    """Convolutional maxout with max pooling over the plane, (N, inward, H, W) to (N, channels, H', W').

    Pooling windows that reach over the edge count, H' = ceil((H + 2 padding - kernel + 1 - pool) / stride) + 1.

    Arguments:
        inward: Channels that come in.
        channels: Channels that go out.
        pieces: Filters each channel takes the largest of.
        kernel: Side of the filters.
        padding: Zeros around the input.
        pool: Side of the pooling window.
        stride: Between pooling windows.
    """

    def __init__(self, inward: int, channels: int, pieces: int, kernel: int, padding: int, pool: int, stride: int):
        super().__init__()
        self.channels, self.pieces, self.pool, self.stride = channels, pieces, pool, stride
        self.conv = Conv2d(inward, channels * pieces, kernel, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        most = largest(self.conv(x).unflatten(1, (self.pieces, self.channels)))
        return max_pool2d(most, self.pool, self.stride, ceil_mode=True)
