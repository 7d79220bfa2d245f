"""Perceptrons."""

import pytest
import torch
from torch import nn

from zerosum.networks import mlp


def test_widths_and_modules():
    network = mlp((5, 7, 3), activation=nn.Tanh, final=nn.Sigmoid)
    assert [type(m).__name__ for m in network] == ["Linear", "Tanh", "Linear", "Sigmoid"]
    assert network(torch.zeros(2, 5)).shape == (2, 3)
    assert sum(p.numel() for p in network.parameters()) == 5 * 7 + 7 + 7 * 3 + 3


def test_a_critic_without_last_bias():
    network = mlp((5, 7, 1), final_bias=False)
    assert network[-1].bias is None
    assert network[0].bias is not None


def test_one_width_is_no_network():
    with pytest.raises(ValueError, match=r"at least an input and an output width, got \(5,\)"):
        mlp((5,))
