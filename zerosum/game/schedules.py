"""Schedules: alternating, simultaneous, extragradient, consensus.

A schedule is the order of turns alone: the objectives say what is computed, the players how parameters move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zerosum.game.game import Game, Round
from zerosum.game.gradients import gradients
from zerosum.game.turn import Batch, Networks, Played, Schedule, Turn
from zerosum.runtime import mean_over_ranks, start_mean_over_ranks, world_size
from zerosum.updates import nonfinite


def alternating(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """Turns are played one after the other; each sees the parameters after the one before (Algorithm 1)."""
    return Schedule(turns, _one_after_the_other, prepare)


def simultaneous(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """All gradients are taken at the same parameters, then all players move; repeat i of all turns together."""
    return Schedule(turns, _all_at_once, prepare)


def extragradient(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    r"""All players take a step together, return, and step by the gradients at the extrapolated parameters.

    .. math::
        \tilde w = w - \eta F(w), \qquad w \leftarrow w - \eta F(\tilde w)

    with F all players' gradients, each by its own rule, whose state both halves move (ExtraAdam), the second on fresh
    data and latents. A round takes two data batches and counts two updates of every player.

    Arguments:
        *turns: One update each, in every round.
        prepare: As for :class:`Schedule`.

    Raises:
        ValueError: A turn repeats or is lazy.

    References:
        | A Variational Inequality Perspective on Generative Adversarial Networks (Gidel et al., 2018), algorithm 4
        | https://arxiv.org/abs/1802.10551
    """
    _check_single_updates(turns, "extragradient")
    return Schedule(tuple(replace(turn, repeat=2) for turn in turns), _ahead_and_back, prepare)


def consensus(*turns: Turn, gamma: float, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    r"""Simultaneous, with each player also descending the squared norm of all gradients (consensus optimization).

    With v all players' gradients, :math:`w \leftarrow w - \eta (v + \gamma \nabla \tfrac12 \|v\|^2)`. It
    attracts the game to stationary points, which for a large gamma need be no equilibrium. Objectives must carry
    gradients to every player: no ``torch.no_grad`` around the generator in the discriminator's.

    Arguments:
        *turns: One update each, in every round; one turn for each player.
        gamma: Weight of the squared norm, at least 0; 0 is :func:`simultaneous`.
        prepare: As for :class:`Schedule`.

    Raises:
        ValueError: gamma is negative, a turn repeats or is lazy, or a player has two; in round 0, an objective
            carries no gradient to another player.

    References:
        | The Numerics of GANs (Mescheder et al., 2017), algorithm 2
        | https://arxiv.org/abs/1705.10461
    """
    _check_single_updates(turns, "consensus")
    if gamma < 0:
        raise ValueError(f"gamma of consensus must be at least 0, got {gamma}.")
    if len({turn.player for turn in turns}) < len(turns):
        raise ValueError("consensus plays one turn for each player; add up the objectives of a player with two.")

    def order(game: Game, round: Round) -> Played:
        played: Played = []
        of_turns: list[list[Tensor]] = []
        for place, turn in enumerate(turns):
            (batch, *more) = round.batches(place, 0)
            if more:
                raise ValueError("consensus needs the gradients of a whole batch, so it takes no micro-batches.")
            terms, of_turn = gradients(game, turn, batch, create_graph=True)
            played.append((place, {name: term.detach() for name, term in terms.items()}))
            of_turns.append(of_turn)
        if game.check is not None:
            for turn, of_turn in zip(turns, of_turns, strict=True):
                _check_reaches_others(game, turn, of_turn)
        parameters = _parameters(game)
        half_squared_norm = torch.stack([g.square().sum() for of_turn in of_turns for g in of_turn]).sum() / 2
        second = torch.autograd.grad(half_squared_norm, parameters, allow_unused=True, materialize_grads=True)
        of_norm = {id(parameter): g for parameter, g in zip(parameters, mean_over_ranks(second), strict=True)}
        for turn, of_turn in zip(turns, of_turns, strict=True):
            moved = game.moved_by(turn.player)
            game.descend(
                turn.player, [g.detach() + gamma * of_norm[id(p)] for g, p in zip(of_turn, moved, strict=True)]
            )
        return played

    return Schedule(turns, order, prepare)


def _one_after_the_other(game: Game, round: Round) -> Played:
    return [
        (place, round.move(place, repeat))
        for place in range(len(game.schedule.turns))
        for repeat in range(round.repeats(place))
    ]


def _all_at_once(game: Game, round: Round) -> Played:
    played: Played = []
    for repeat in range(max(round.repeats(place) for place in range(len(game.schedule.turns)))):
        terms, descend = _gradients_of_all(game, round, repeat)
        descend()
        played += terms
    return played


def _ahead_and_back(game: Game, round: Round) -> Played:
    parameters = _parameters(game)
    before = [parameter.detach().clone() for parameter in parameters]
    played, descend = _gradients_of_all(game, round, 0)
    descend()
    ahead, descend = _gradients_of_all(game, round, 1)
    with torch.no_grad():
        for parameter, value in zip(parameters, before, strict=True):
            parameter.copy_(value)
    descend()
    return played + ahead


def _gradients_of_all(game: Game, round: Round, repeat: int) -> tuple[Played, Callable[[], None]]:
    """Terms of every turn that has this repeat, and a function that makes the descents."""
    played: Played = []
    moves: list[tuple[str, Callable[[], list[Tensor]], Tensor | None]] = []
    for place, turn in enumerate(game.schedule.turns):
        if repeat < round.repeats(place):
            terms, of_turn = round.gradients(place, repeat)
            # On one rank they are checked while they are in the cache, before the gradients of the next turn push
            # them out; on several ranks they are averaged while the gradients of the next turn are computed.
            skip = nonfinite(of_turn) if world_size() == 1 else None
            moves.append((turn.player, start_mean_over_ranks(of_turn), skip))
            played.append((place, terms))

    def descend() -> None:
        for player, arrived, skip in moves:
            game.descend(player, arrived(), skip)

    return played, descend


def _parameters(game: Game) -> list[Tensor]:
    """All players' parameters, each once."""
    return list({id(parameter): parameter for name in game.players for parameter in game.moved_by(name)}.values())


def _check_single_updates(turns: Sequence[Turn], schedule: str) -> None:
    if any(turn.repeat != 1 or turn.every != 1 for turn in turns):
        raise ValueError(f"turns of {schedule} make one update each in every round; drop repeat and every.")


def _check_reaches_others(game: Game, turn: Turn, of_turn: Sequence[Tensor]) -> None:
    own = {id(parameter) for parameter in game.moved_by(turn.player)}
    others = [parameter for parameter in _parameters(game) if id(parameter) not in own]
    squared_norm = torch.stack([g.square().sum() for g in of_turn]).sum()
    differentiable = squared_norm.requires_grad
    found = torch.autograd.grad(squared_norm, others, retain_graph=True, allow_unused=True) if differentiable else ()
    if others and all(g is None for g in found):
        raise ValueError(
            f"consensus needs an objective of {turn.player!r} whose gradient depends on the other players' parameters; "
            "make generated examples in it without torch.no_grad() and .detach()."
        )
