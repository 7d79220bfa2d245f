"""Averages of networks over training, by the examples seen."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from zerosum.updates import Number


def average_of(network: nn.Module) -> nn.Module:
    """A copy of a network to be averaged into: in evaluation mode, without gradients."""
    average = copy.deepcopy(network).eval()
    for parameter in average.parameters():
        parameter.requires_grad_(False)
    assert isinstance(average, nn.Module)
    return average


def move_average(average: nn.Module, network: nn.Module, halflife: Number, examples: int, seen: Tensor) -> None:
    """Parameters move towards the network's by 1 - 2^(-examples / halflife); buffers are copied.

    Arguments:
        average: The average, changed in place.
        network: The network that is averaged.
        halflife: Of a weight, in examples; a ramp is evaluated at the examples seen.
        examples: Taken by the round.
        seen: Examples before the round.
    """
    own: list[Tensor] = list(network.parameters())
    slow: list[Tensor] = list(average.parameters())
    with torch.no_grad():
        if callable(halflife):
            weight = -torch.expm1(-math.log(2) * examples / halflife(seen))
            for s, p in zip(slow, own, strict=True):
                s.lerp_(p, weight.to(s.dtype))
        else:
            torch._foreach_lerp_(slow, own, -math.expm1(-math.log(2) * examples / halflife))
        for b, live in zip(average.buffers(), network.buffers(), strict=True):
            b.copy_(live)
