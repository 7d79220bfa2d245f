"""Whose turn it is: turns, and the schedules that arrange them.

A schedule says only the order. What is computed stands in the objectives, how parameters move in the players.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zerosum.game.gradients import gradients, own_gradients, total
from zerosum.game.memory import Mean, parts
from zerosum.game.networks import Batch, Networks, Objective, Terms, refuse_unlike
from zerosum.runtime import mean_over_ranks, start_mean_over_ranks, world_size
from zerosum.updates import nonfinite

if TYPE_CHECKING:
    from zerosum.game.game import Game


@dataclass(frozen=True)
class Turn:
    """A player descends an objective.

    Arguments:
        player: Whose parameters move.
        objective: What it descends.
        repeat: Consecutive updates in a round (the k of Algorithm 1), or a function of the round that says how many.
        every: Played in each n-th round only (lazy penalties).
        gain: Factor on the objective's gradient; a lazy turn's is usually ``every``.
        size: Latents drawn for it, where that is not the batch size.
        offset: Which of the round's data batches its first repeat sees. Turns of equal offset share the real
            examples; a generator's offset of k gives it fresh ones.
    """

    player: str
    objective: Objective
    repeat: int | Callable[[int], int] = 1
    every: int = 1
    gain: float = 1.0
    size: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        refuse_unlike(self.objective, f"the objective of a turn of {self.player!r}")
        for name, least in (("repeat", 1), ("every", 1), ("offset", 0), ("size", 1)):
            value = getattr(self, name)
            if isinstance(value, int) and value < least:
                raise ValueError(f"{name} must be at least {least}, got {value} (turn of {self.player!r}).")

    def repeats(self, round: int) -> int:
        """Updates it would make in a round where it is due."""
        return self.repeat(round) if callable(self.repeat) else self.repeat

    def due(self, round: int) -> bool:
        """Whether it is played in this round."""
        return round % self.every == 0


class Round:
    """The updates of one round: for each turn in order, one batch per repeat, none where it is not due.

    ``prepare`` runs the first time an update of a data batch is asked for, so it sees the parameters of that moment;
    the graph it leaves is freed with the last update that reads it. Where a batch is played in micro-batches, each is
    prepared alone, and gradients and terms are the means over them.
    """

    def __init__(self, game: Game, batches: Sequence[Sequence[Batch]]):
        self._game = game
        self._batches = batches
        self._prepared: dict[int, list[Batch]] = {}
        self._readers = Counter(
            self._data(place, repeat) for place, repeats in enumerate(batches) for repeat in range(len(repeats))
        )

    def repeats(self, place: int) -> int:
        """How many updates the turn at this place makes."""
        return len(self._batches[place])

    def batches(self, place: int, repeat: int) -> list[Batch]:
        """The batch of one update, in its micro-batches."""
        schedule, data = self._game.schedule, self._data(place, repeat)
        if schedule.prepare is None:
            return parts(self._batches[place][repeat], self._game.micro_batches)
        if data not in self._prepared:
            with self._game.computing():
                self._prepared[data] = [
                    {**part, **schedule.prepare(self._game.networks, part)}
                    for part in parts(self._batches[place][repeat], self._game.micro_batches)
                ]
        return self._prepared[data]

    def gradients(self, place: int, repeat: int) -> tuple[Terms, list[Tensor]]:
        """Terms (scalars) and gradients (one per parameter) of one update on this rank's part of its batch.

        Each update is asked for once.
        """
        data = self._data(place, repeat)
        self._readers[data] -= 1
        shared = self._game.schedule.prepare is not None and self._readers[data] > 0
        batches = self.batches(place, repeat)
        mean = Mean(len(batches))
        for batch in batches:
            mean.add(*self._game.slopes(place, batch, shared))
        return mean.terms, mean.slopes

    def move(self, place: int, repeat: int) -> Terms:
        """Play one update: gradients, averaged over the ranks, and the descent."""
        if self._game.schedule.prepare is None and self._game.micro_batches == 1:
            return self._game.move(place, self._batches[place][repeat])
        terms, slopes = self.gradients(place, repeat)
        self._game.descend(self._game.schedule.turns[place].player, mean_over_ranks(slopes))
        return terms

    def _data(self, place: int, repeat: int) -> int:
        return self._game.schedule.turns[place].offset + repeat


Played = list[tuple[int, Terms]]
"""What an order returns: for each update made, the turn's place in the schedule and its terms."""


@dataclass(frozen=True)
class Schedule:
    """Turns and how they are arranged; made by :func:`alternating` or another function of this module.

    Arguments:
        turns: In their order.
        order: Plays the updates of a round.
        prepare: One forward pass per data batch, ``(networks, batch) -> fields``. Its results join the batch with
            their graph, so that several objectives read ``batch["fake"]`` without computing it again; the home of
            side effects such as pool queries. The turns then share the latents of a batch.
    """

    turns: tuple[Turn, ...]
    order: Callable[[Game, Round], Played]
    prepare: Callable[[Networks, Batch], Batch] | None = None

    def __post_init__(self) -> None:
        if not self.turns:
            raise ValueError("a schedule needs at least one turn, got none.")
        if self.prepare is not None and any(turn.size is not None for turn in self.turns):
            raise ValueError("turns of a prepared batch share its latents, so none may set size; drop one of the two.")

    def pattern(self, round: int) -> tuple[int, ...]:
        """Updates each turn makes in a round."""
        return tuple(turn.repeats(round) if turn.due(round) else 0 for turn in self.turns)

    @property
    def uniform(self) -> bool:
        """Whether all rounds are of one pattern."""
        return all(turn.every == 1 and not callable(turn.repeat) for turn in self.turns)

    def takes(self, round: int) -> int:
        """Data batches a round takes, whatever is due, so that a lazy turn does not shift the data."""
        return max(turn.offset + turn.repeats(round) for turn in self.turns)


def alternating(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """One after the other, turn by turn: each sees the parameters the one before has left (Algorithm 1)."""
    return Schedule(turns, _one_after_the_other, prepare)


def simultaneous(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """All gradients at the same parameters, then every descent; repeat i of all turns together."""
    return Schedule(turns, _all_at_once, prepare)


def extragradient(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    r"""All look ahead together, come back, and step by the gradients they found there.

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
    _refuse_uneven(turns, "of extragradient")
    return Schedule(tuple(replace(turn, repeat=2) for turn in turns), _ahead_and_back, prepare)


def consensus(*turns: Turn, gamma: float, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    r"""All at once, and everybody also descends the length of all gradients together.

    With v all players' gradients, :math:`w \leftarrow w - \eta (v + \gamma \nabla \tfrac12 \|v\|^2)`. It priors
    the game to points where nobody moves, which for a large gamma need be no equilibrium. Objectives must carry
    gradients to every player: no ``torch.no_grad`` around the generator in the discriminator's.

    Arguments:
        *turns: One update each, in every round; one turn for each player.
        gamma: Weight of the length, at least 0; 0 is :func:`simultaneous`.
        prepare: As for :class:`Schedule`.

    Raises:
        ValueError: gamma is negative, a turn repeats or is lazy, or a player has two; in the round 0, an objective
            carries no gradient to another player.

    References:
        | The Numerics of GANs (Mescheder et al., 2017), algorithm 2
        | https://arxiv.org/abs/1705.10461
    """
    _refuse_uneven(turns, "of consensus")
    if gamma < 0:
        raise ValueError(f"gamma of consensus must be at least 0, got {gamma}.")
    if len({turn.player for turn in turns}) < len(turns):
        raise ValueError("consensus plays one turn for each player; add up the objectives of a player with two.")

    def order(game: Game, round: Round) -> Played:
        played: Played = []
        slopes: list[list[Tensor]] = []
        for place, turn in enumerate(turns):
            (batch, *more) = round.batches(place, 0)
            if more:
                raise ValueError("consensus needs the gradients of a whole batch, so it takes no micro-batches.")
            terms, of = gradients(game, turn, batch, create_graph=True)
            played.append((place, {name: term.detach() for name, term in terms.items()}))
            slopes.append(of)
        if game.check is not None:
            for turn, of in zip(turns, slopes, strict=True):
                _refuse_cut_off(game, turn, of)
        everybody = _parameters(game)
        length = torch.stack([slope.square().sum() for of in slopes for slope in of]).sum() / 2
        pulls = torch.autograd.grad(length, everybody, allow_unused=True, materialize_grads=True)
        pull = {id(parameter): of for parameter, of in zip(everybody, mean_over_ranks(pulls), strict=True)}
        for turn, of in zip(turns, slopes, strict=True):
            moved = game.moved_by(turn.player)
            game.descend(turn.player, [s.detach() + gamma * pull[id(p)] for s, p in zip(of, moved, strict=True)])
        return played

    return Schedule(turns, order, prepare)


def shared_backward(
    discriminator: Turn,
    generator: Turn,
    prepare: Callable[[Networks, Batch], Batch],
    fake: str = "fake",
    logit: str = "fake_logit",
) -> Schedule:
    r"""Both at the same parameters, and one way back through the discriminator serves both.

    The way back from a logit :math:`l_i` to its example :math:`x_i` is the same whatever is asked of the logit, so
    :math:`\partial L_G / \partial x_i = \frac{\partial L_G / \partial l_i}{\partial L_D / \partial l_i}\,
    \partial L_D / \partial x_i`. Its updates are those of :func:`simultaneous` on the same prepared batch, with a
    pass through the discriminator less; against :func:`alternating` it is another algorithm.

    It holds where objectives read generated examples through their logits alone, and these do not see each other in the
    discriminator: no batch norm, no minibatch features. Round 0 checks it.

    Arguments:
        discriminator: Whose way back is shared; one update a round.
        generator: Who makes the examples; one update a round.
        prepare: Makes the generated examples with their graph, and their logits from them.
        fake: What it calls the examples.
        logit: What it calls their logits, one for each.

    Raises:
        ValueError: Of the round 0: the generator's gradient is not the one it has by itself.
    """

    def order(game: Game, round: Round) -> Played:
        batches = round.batches(0, 0)
        means = [Mean(len(batches)) for _ in game.schedule.turns]
        for batch in batches:
            for mean, played in zip(means, _both(game, batch, fake, logit), strict=True):
                mean.add(*played)
        arrivals = [start_mean_over_ranks(mean.slopes) for mean in means]
        for turn, arrived in zip(game.schedule.turns, arrivals, strict=True):
            game.descend(turn.player, arrived())
        return [(place, mean.terms) for place, mean in enumerate(means)]

    _refuse_uneven((discriminator, generator), "that share a way back")
    if discriminator.offset or generator.offset:
        raise ValueError("turns that share a way back see the same data batch; drop offset.")
    return Schedule((discriminator, generator), order, prepare)


FLOOR = 1e-20
"""Least slope of the discriminator's loss at a logit, which is divided by: it is that small at a logit of -46."""


def _both(game: Game, batch: Batch, fake: str, logit: str) -> list[tuple[Terms, list[Tensor]]]:
    """Terms and gradients of both players on a prepared batch."""
    turns = game.schedule.turns
    with game.computing():
        terms = [turn.objective(game.networks, batch) for turn in turns]
    losses = [turn.gain * total(turn.player, of) for turn, of in zip(turns, terms, strict=True)]
    (asked,), (wanted,) = (torch.autograd.grad(loss, batch[logit], retain_graph=True) for loss in losses)
    sent = torch.where(asked.abs() < FLOOR, torch.where(asked < 0, -FLOOR, FLOOR), asked)
    checked = None
    if game.check is not None:
        checked = own_gradients(game, turns[1], batch, retain_graph=True)[1]
        game.check.terms(turns[0], terms[0])
    inner = game.moved_by(turns[0].player)
    loss = losses[0] + ((sent - asked) * batch[logit]).sum()  # sends back at least the floor, and so little more
    *raw, back = torch.autograd.grad(loss, [*inner, batch[fake]], retain_graph=True, allow_unused=True)
    ratio = (wanted / sent).view(-1, *[1] * (batch[fake].ndim - 1))
    outer = game.moved_by(turns[1].player)
    slopes = torch.autograd.grad(batch[fake], outer, back * ratio, allow_unused=True, materialize_grads=True)
    if game.check is not None and checked is not None:
        game.check.gradients(turns[0], raw)
        gap = max(float((a - b).abs().max()) for a, b in zip(slopes, checked, strict=True))
        if gap > 1e-3 * max(float(b.abs().max()) for b in checked):
            raise ValueError(
                f"one way back cannot serve both: the gradient of {turns[1].player!r} differs by {gap:.2g} from its "
                "own; examples see each other in the discriminator, or an objective reads more of them than their "
                "logits; use simultaneous."
            )
    own = [torch.zeros_like(p) if slope is None else slope for p, slope in zip(inner, raw, strict=True)]
    logged = [{name: term.detach() for name, term in of.items()} for of in terms]
    return [(logged[0], own), (logged[1], list(slopes))]


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
    """Terms of every turn that has this repeat, and the descents that are due."""
    played: Played = []
    moves: list[tuple[str, Callable[[], list[Tensor]], Tensor | None]] = []
    for place, turn in enumerate(game.schedule.turns):
        if repeat < round.repeats(place):
            terms, slopes = round.gradients(place, repeat)
            # Alone, they are looked at while they are in the cache, which the gradients of the next turn push them
            # out of; among ranks, they are on their way while the gradients of the next turn are made.
            skip = nonfinite(slopes) if world_size() == 1 else None
            moves.append((turn.player, start_mean_over_ranks(slopes), skip))
            played.append((place, terms))

    def descend() -> None:
        for player, arrived, skip in moves:
            game.descend(player, arrived(), skip)

    return played, descend


def _parameters(game: Game) -> list[Tensor]:
    """All players' parameters, each once."""
    return list({id(parameter): parameter for name in game.players for parameter in game.moved_by(name)}.values())


def _refuse_uneven(turns: Sequence[Turn], which: str) -> None:
    if any(turn.repeat != 1 or turn.every != 1 for turn in turns):
        raise ValueError(f"turns {which} make one update each in every round; drop repeat and every.")


def _refuse_cut_off(game: Game, turn: Turn, slopes: Sequence[Tensor]) -> None:
    own = {id(parameter) for parameter in game.moved_by(turn.player)}
    others = [parameter for parameter in _parameters(game) if id(parameter) not in own]
    length = torch.stack([slope.square().sum() for slope in slopes]).sum()
    found = torch.autograd.grad(length, others, retain_graph=True, allow_unused=True) if length.requires_grad else ()
    if others and all(of is None for of in found):
        raise ValueError(
            f"consensus needs an objective of {turn.player!r} whose gradient depends on the other players' parameters; "
            "make generated examples in it without torch.no_grad() and .detach()."
        )
