"""Unrolling: networks after some updates of a player, as functions, while the real ones stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from zerosum.game.gradients import total
from zerosum.game.turn import Batch, Networks, Objective
from zerosum.runtime import mean_over_ranks


class Functional:
    """A module called with given parameters and buffers; its own stay as they are.

    Buffers the forward pass writes (batch statistics) are those given here.

    Arguments:
        module: The module that is called.
        parameters: By name, as ``named_parameters`` has them.
        buffers: By name.
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


def unroll(
    networks: Networks, player: str, objective: Objective, batch: Batch, steps: int, second_order: bool = True
) -> Networks:
    r"""The networks after ``steps`` updates of a player, differentiable through those updates.

    :math:`\theta_{i+1} = \mathrm{update}(\theta_i, \nabla_\theta L(\theta_i))` with the player's own rule, starting
    from its current moments. The real parameters, moments and buffers stay as they were; ``steps=0`` is
    :func:`still` for each network the player moves. A parameter that several networks share moves in all of them.

    Arguments:
        networks: Those the calling objective was given.
        player: The player whose updates are unrolled.
        objective: The objective that player descends. Results under ``torch.no_grad`` carry no gradient: for the
            paper's second-order terms the fakes must carry theirs.
        batch: The batch of every step.
        steps: K, at least 0.
        second_order: Whether gradients flow through the updates; without, the unrolled parameters are constants.

    Returns:
        The networks, with those that hold a parameter the player moves replaced by functional ones.

    Raises:
        ValueError: steps is negative, the networks belong to no game (a trained model has no moments), or the player
            moves by an optimizer of torch's.

    References:
        | Unrolled Generative Adversarial Networks (Metz et al., 2016)
        | https://arxiv.org/abs/1611.02163
    """
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps} (unrolling {player!r}).")
    game = networks.game
    if game is None:
        raise ValueError(f"only the networks of a game can be unrolled (unrolling {player!r}); a model has no moments.")
    mover, state = game.players[player], game.states[player]
    if mover.update.plain is None:
        raise ValueError(
            f"unrolling goes through update rules of tensor operations, and player {player!r} moves by "
            f"{mover.update.name} of from_torch; use sgd, momentum, adam or rmsprop."
        )
    moved = game.named(player)
    place = {id(parameter): i for i, parameter in enumerate(moved.values())}
    modules = {name: module for name, module in networks.items() if isinstance(module, nn.Module)}
    lives_in = {name: m for name, m in modules.items() if any(id(p) in place for p in m.parameters())}
    buffers = {name: still(module).buffers for name, module in lives_in.items()}

    def with_values(values: Sequence[Tensor]) -> Networks:
        ahead = {}
        for name, module in lives_in.items():
            own = {key: values[place[id(p)]] if id(p) in place else p for key, p in module.named_parameters()}
            ahead[name] = Functional(module, own, buffers[name])
        return networks.replace(ahead)

    values = list(moved.values())
    for _ in range(steps):
        if not second_order:
            values = [value.detach().requires_grad_() for value in values]
        loss = total(player, objective(with_values(values), batch))
        gradients = mean_over_ranks(
            torch.autograd.grad(loss, values, create_graph=second_order, allow_unused=True, materialize_grads=True)
        )
        with torch.set_grad_enabled(second_order):
            values, state = mover.update.plain(gradients, state, values, batch["examples"])
            if mover.project is not None:
                values = [mover.project(name, value) for name, value in zip(moved, values, strict=True)]
    return with_values(values)
