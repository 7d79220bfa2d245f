"""Local dynamics of a game: the derivative of a round, and its eigenvalues."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from zerosum.game import Batch, Game

Batches = Sequence[Sequence[Batch]]
"""For each turn of the schedule, one batch per repeat."""


def without_data(game: Game) -> list[list[Batch]]:
    """Empty batches for the game's next round."""
    return [[{} for _ in range(repeats)] for repeats in game.schedule.pattern(game.round)]


def update_map(game: Game, batches: Batches | None = None, step: float = 1e-5) -> Tensor:
    r"""The derivative of one round at the game's present state, :math:`J_{ij} = \partial w_i' / \partial w_j`.

    w are the parameters of all players, each once, and then what their update rules remember, so that momentum and
    optimism are seen whole. Central differences, so that every schedule, rule and objective is its own oracle; their
    error is of the order of ``step`` squared, and of the rounding divided by ``step``: play in float64.

    Arguments:
        game: Left as it is; a copy is played. Few parameters: it takes two rounds for each.
        batches: What the turns see; without, turns see no data.
        step: Of the differences.

    Returns:
        (n, n), float64.
    """
    trial = copy.deepcopy(game)
    trial.mode = "eager"
    batches = without_data(game) if batches is None else batches
    moving = [parameter for player in trial.players for parameter in trial.moved_by(player)]
    moving += [value for state in trial.states.values() for values in state.values() for value in values]
    moving = list({id(value): value for value in moving}.values())
    before = [value.detach().clone() for value in moving]

    def played(shift: Tensor) -> Tensor:
        with torch.no_grad():
            for value, at, by in zip(
                moving, before, torch.split(shift, [value.numel() for value in moving]), strict=True
            ):
                value.copy_(at + by.view_as(at))
        trial.advance([[dict(batch) for batch in repeats] for repeats in batches], 0)
        return torch.cat([value.detach().double().flatten() for value in moving])

    shifts = step * torch.eye(sum(value.numel() for value in moving), dtype=torch.float64)
    columns = [(played(shift) - played(-shift)) / (2 * step) for shift in shifts]
    return torch.stack(columns, 1)


def spectrum(game: Game, batches: Batches | None = None, step: float = 1e-5) -> Tensor:
    r"""Eigenvalues of :func:`update_map`, the largest modulus first.

    Near an equilibrium distances shrink by the largest modulus in each round, and grow where it is above 1. For
    gradient descent of all at once with step size :math:`\eta` the eigenvalues of the gradient field are
    :math:`(\lambda - 1) / \eta`.

    Arguments:
        game: Left as it is, at the point in question.
        batches: As for :func:`update_map`.
        step: Of the differences.

    Returns:
        (n,), complex128.

    Examples:
        >>> from zerosum.lab.games import bilinear
        >>> spectrum(bilinear(0, 0)).abs()
        tensor([1.0050, 1.0050], dtype=torch.float64)
    """
    values: Tensor = torch.linalg.eigvals(update_map(game, batches, step))
    return values[values.abs().argsort(descending=True)]
