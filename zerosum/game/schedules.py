"""Whose turn it is: turns, and the schedules that arrange them.

A schedule says only the order. What is computed stands in the objectives, how parameters move in the players.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from zerosum.game.gradients import gradients
from zerosum.game.networks import Batch, Networks, Objective, Terms, refuse_unlike
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
    the graph it leaves is freed with the last update that reads it.
    """

    def __init__(self, game: Game, batches: Sequence[Sequence[Batch]]):
        self._game = game
        self._batches = batches
        self._prepared: dict[int, Batch] = {}
        self._readers = Counter(
            self._data(place, repeat) for place, repeats in enumerate(batches) for repeat in range(len(repeats))
        )

    def repeats(self, place: int) -> int:
        """How many updates the turn at this place makes."""
        return len(self._batches[place])

    def batch(self, place: int, repeat: int) -> Batch:
        """The batch of one update."""
        batch = self._batches[place][repeat]
        prepare = self._game.schedule.prepare
        if prepare is None:
            return batch
        data = self._data(place, repeat)
        if data not in self._prepared:
            self._prepared[data] = {**batch, **prepare(self._game.networks, batch)}
        return self._prepared[data]

    def gradients(self, place: int, repeat: int) -> tuple[Terms, list[Tensor]]:
        """Terms (scalars) and gradients (one per parameter) of one update, by :func:`~zerosum.game.gradients`.

        Each update is asked for once.
        """
        data = self._data(place, repeat)
        self._readers[data] -= 1
        shared = self._game.schedule.prepare is not None and self._readers[data] > 0
        turn, batch = self._game.schedule.turns[place], self.batch(place, repeat)
        return gradients(self._game, turn, batch, retain_graph=shared)

    def _data(self, place: int, repeat: int) -> int:
        return self._game.schedule.turns[place].offset + repeat


Played = list[tuple[int, Terms]]
"""What an order returns: for each update made, the turn's place in the schedule and its terms."""


@dataclass(frozen=True)
class Schedule:
    """Turns and how they are arranged; made by :func:`alternating` or :func:`simultaneous`.

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

    def takes(self, round: int) -> int:
        """Data batches a round takes, whatever is due, so that a lazy turn does not shift the data."""
        return max(turn.offset + turn.repeats(round) for turn in self.turns)


def alternating(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """One after the other, turn by turn: each sees the parameters the one before has left (Algorithm 1)."""
    return Schedule(turns, _one_after_the_other, prepare)


def simultaneous(*turns: Turn, prepare: Callable[[Networks, Batch], Batch] | None = None) -> Schedule:
    """All gradients at the same parameters, then every descent; repeat i of all turns together."""
    return Schedule(turns, _all_at_once, prepare)


def _one_after_the_other(game: Game, round: Round) -> Played:
    played: Played = []
    for place, turn in enumerate(game.schedule.turns):
        for repeat in range(round.repeats(place)):
            terms, slopes = round.gradients(place, repeat)
            game.descend(turn.player, slopes)
            played.append((place, terms))
    return played


def _all_at_once(game: Game, round: Round) -> Played:
    played: Played = []
    turns = list(enumerate(game.schedule.turns))
    for repeat in range(max(round.repeats(place) for place, _ in turns)):
        moves = []
        for place, turn in turns:
            if repeat < round.repeats(place):
                terms, slopes = round.gradients(place, repeat)
                # Looked at while they are in the cache, which the gradients of the next turn push them out of.
                moves.append((turn.player, slopes, nonfinite(slopes)))
                played.append((place, terms))
        for player, slopes, skip in moves:
            game.descend(player, slopes, skip)
    return played
