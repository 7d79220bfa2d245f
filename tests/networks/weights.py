"""What tests of networks need: numbers in double precision, weights that are no longer those of the beginning."""

import torch


def double(*size):
    """Standard normal numbers."""
    return torch.randn(*size, dtype=torch.float64)


def count(network):
    """Parameters of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def perturbed(network):
    """As after some training: no weight is 0; in double precision."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return network.double()
