"""Gradients of one turn: with respect to the parameters of its player alone."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from zerosum.game.checks import RecipeCheck
from zerosum.game.turn import Batch, Networks, Terms, Turn
from zerosum.runtime import mean_over_ranks


class Differentiated(Protocol):
    """The part of a :class:`Game` that gradients need."""

    networks: Networks
    check: RecipeCheck | None

    def computing(self) -> AbstractContextManager[Any]:
        """While entered, networks compute in the game's precision."""

    def moved_by(self, player: str) -> list[Tensor]:
        """The parameters a player moves."""


def gradients(
    game: Differentiated, turn: Turn, batch: Batch, create_graph: bool = False, retain_graph: bool = False
) -> tuple[Terms, list[Tensor]]:
    """Terms of the turn's objective on a batch, and the gradient of their sum with respect to the player's parameters.

    Nothing else gets a gradient: no other player, no ``.grad`` field. A parameter the objective does not reach
    counts as zero gradient in this turn. Gradients are averaged over the ranks.

    Arguments:
        game: The game whose networks are played.
        turn: Player, objective and gain.
        batch: The batch the objective sees.
        create_graph: Keep the gradients differentiable.
        retain_graph: Keep the graph of the prepared batch, for an update that still reads it.

    Returns:
        The terms with their graph, and one gradient per parameter in the order of :meth:`Game.moved_by`.

    Raises:
        ValueError: A term is not a scalar; in round 0 also: a term carries no gradient, or the objective reaches no
            parameter of the player.
    """
    terms, local = local_gradients(game, turn, batch, create_graph, retain_graph)
    return terms, mean_over_ranks(local)


def local_gradients(
    game: Differentiated, turn: Turn, batch: Batch, create_graph: bool = False, retain_graph: bool = False
) -> tuple[Terms, list[Tensor]]:
    """Terms and gradients as :func:`gradients` gives them, of this rank's part of the batch, not averaged over ranks.

    Arguments:
        game: The game whose networks are played.
        turn: Player, objective and gain.
        batch: The batch the objective sees.
        create_graph: Keep the gradients differentiable.
        retain_graph: Keep the graph of the prepared batch, for an update that still reads it.

    Raises:
        ValueError: As for :func:`gradients`.
    """
    with game.computing():
        terms = turn.objective(game.networks, batch)
        loss = total(turn.player, terms)
    if game.check is not None:
        game.check.terms(turn, terms)
    parameters = game.moved_by(turn.player)
    raw: Sequence[Tensor | None] = torch.autograd.grad(
        loss if turn.gain == 1 else turn.gain * loss,
        parameters,
        create_graph=create_graph,
        retain_graph=create_graph or retain_graph,
        allow_unused=True,
    )
    if game.check is not None:
        game.check.gradients(turn, raw)
    return terms, [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, raw, strict=True)]


def total(player: str, terms: Terms) -> Tensor:
    """The sum of an objective's terms, which its player descends.

    Raises:
        ValueError: There are none, or one is no scalar tensor.
    """
    if not isinstance(terms, Mapping):
        raise ValueError(f"the objective of {player!r} must return terms by name, got {type(terms).__name__}.")
    if not terms:
        raise ValueError(f"the objective of {player!r} returned no terms; return at least one scalar by name.")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim:
            got = f"shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"type {type(term).__name__}"
            raise ValueError(f"term {name!r} of {player!r} has {got}; objectives return scalar tensors, take .mean().")
    return functools.reduce(operator.add, terms.values())
