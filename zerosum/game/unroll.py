"""Looking ahead without moving: networks as functions of parameters and buffers that are not their own."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from zerosum.game.networks import Batch, Networks, Objective
from zerosum.runtime import mean_over_ranks


class Functional:
    """A module called with given parameters and buffers; its own stay as they are.

    Buffers the forward pass writes (batch statistics) are those given here.
    """

    def __init__(self, module: nn.Module, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor]):
        self.module = module
        self.parameters = dict(parameters)
        self.buffers = dict(buffers)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return functional_call(self.module, {**self.parameters, **self.buffers}, args, kwargs)


def still(network: nn.Module) -> Functional:
    """The network with its live parameters on a copy of its buffers, so that a pass leaves no trace in them."""
    return Functional(
        network,
        dict(network.named_parameters()),
        {name: buffer.clone() for name, buffer in network.named_buffers()},
    )


def unroll(networks: Networks, player: str, objective: Objective, batch: Batch, steps: int) -> Networks:
    r"""The networks as they would be after ``steps`` updates of a player, differentiable through those updates.

    :math:`\theta_{i+1} = \mathrm{update}(\theta_i, \nabla_\theta L(\theta_i))` with the player's own rule, starting
    from its current moments. The real parameters, moments and buffers stay as they were; ``steps=0`` is
    :func:`still` for each network the player moves.

    Arguments:
        networks: Those the calling objective was given.
        player: Who moves ahead.
        objective: What that player descends. Whatever it computes under ``torch.no_grad`` is cut out of the gradient:
            for the paper's second-order terms its fakes must carry theirs.
        batch: What every step sees.
        steps: K, at least 0.

    Returns:
        The networks, with those the player moves replaced by functional ones.

    Raises:
        ValueError: steps is negative, or the networks belong to no game (a trained model has no moments).

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2016), eq. 7
        | https://arxiv.org/abs/1611.02163
    """
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps} (unrolling {player!r}).")
    game = networks.game
    if game is None:
        raise ValueError(f"only the networks of a game can be unrolled (unrolling {player!r}); a model has no moments.")
    mover, state = game.players[player], game.states[player]
    ahead = {name: still(networks[name]) for name in mover.moves}
    names = [(network, key) for network, f in ahead.items() for key in f.parameters]
    for _ in range(steps):
        current = networks.replace(ahead)
        total = functools.reduce(operator.add, objective(current, batch).values())
        parameters = [ahead[network].parameters[key] for network, key in names]
        slopes = mean_over_ranks(
            torch.autograd.grad(total, parameters, create_graph=True, allow_unused=True, materialize_grads=True)
        )
        moved, state = mover.update.plain(slopes, state, parameters, batch["images"])
        if mover.project is not None:
            moved = [mover.project(f"{network}.{key}", p) for (network, key), p in zip(names, moved, strict=True)]
        values = dict(zip(names, moved, strict=True))
        ahead = {
            network: Functional(f.module, {key: values[network, key] for key in f.parameters}, f.buffers)
            for network, f in ahead.items()
        }
    return networks.replace(ahead)
