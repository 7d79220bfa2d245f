"""Multilayer perceptrons."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from torch import nn


def mlp(
    widths: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    final: Callable[[], nn.Module] | None = None,
    final_bias: bool = True,
) -> nn.Sequential:
    """Linear layers of the given widths with an activation between them.

    Arguments:
        widths: Of the input, every hidden layer and the output.
        activation: Makes the module between two linear layers.
        final: Makes the module after the last one; None for a linear output.
        final_bias: Whether the last linear layer has a bias. A relativistic critic must not (its loss does not depend
            on it).

    Returns:
        Maps (N, widths[0]) to (N, widths[-1]).

    Raises:
        ValueError: Fewer than two widths.

    Examples:
        >>> mlp((100, 128, 64), final=nn.Sigmoid)
        Sequential(
          (0): Linear(in_features=100, out_features=128, bias=True)
          (1): ReLU()
          (2): Linear(in_features=128, out_features=64, bias=True)
          (3): Sigmoid()
        )
    """
    if len(widths) < 2:
        raise ValueError(f"an mlp needs at least an input and an output width, got {tuple(widths)}.")
    layers: list[nn.Module] = []
    pairs = list(itertools.pairwise(widths))
    for i, (inward, outward) in enumerate(pairs, 1):
        last = i == len(pairs)
        layers.append(nn.Linear(inward, outward, bias=final_bias or not last))
        if not last:
            layers.append(activation())
        elif final is not None:
            layers.append(final())
    return nn.Sequential(*layers)


def mlp_pair(
    shape: Sequence[int],
    latent: int,
    hidden: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    final: Callable[[], nn.Module] | None = None,
    final_bias: bool = True,
) -> dict[str, nn.Module]:
    r"""A generator and a discriminator of the same hidden layers, for examples of any shape.

    Arguments:
        shape: Of an example.
        latent: Dimension of the latent.
        hidden: Widths of the hidden layers of either network.
        activation: Makes the module between two linear layers.
        final: Makes the generator's last module; None for a linear output. The discriminator gives logits.
        final_bias: Whether the discriminator's last layer has a bias.

    Returns:
        ``generator``, (N, latent) to (N, \*shape), and ``discriminator``, (N, \*shape) to (N, 1).
    """
    size = math.prod(shape)
    return {
        "generator": nn.Sequential(mlp((latent, *hidden, size), activation, final), nn.Unflatten(1, tuple(shape))),
        "discriminator": nn.Sequential(nn.Flatten(), mlp((size, *hidden, 1), activation, final_bias=final_bias)),
    }
