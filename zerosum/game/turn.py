"""Turns: a player descends an objective, and a schedule says in which order.

An objective is a function of the game's networks by name (:class:`Networks`) and a batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from zerosum.updates import Update

Batch = dict[str, Tensor]
"""Fields by name (``x``, ``label``, ``z``, ...), first axis N; 0-d fields are about the whole batch (``examples``)."""

Terms = dict[str, Tensor]
"""Scalars by name; an objective's value is their sum."""


class Networks(Mapping[str, Any]):
    """The networks of a game by name, as items and as attributes: ``networks.generator(batch["z"])``.

    Arguments:
        modules: Any callables by name: modules, or the functional ones that :func:`~zerosum.game.unroll` makes.
        game: The :class:`Game` whose players move them, for :func:`~zerosum.game.unroll`; None for a trained model.
    """

    def __init__(self, modules: Mapping[str, Any], game: Any = None):
        self._modules = dict(modules)
        self.game = game

    def replace(self, modules: Mapping[str, Any]) -> Networks:
        """The same networks with some of them replaced."""
        return Networks({**self._modules, **modules}, self.game)

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __getattr__(self, name: str) -> Any:
        modules = self.__dict__.get("_modules", {})
        if name in modules:
            return modules[name]
        raise AttributeError(f"the game has no network {name!r} (it has: {', '.join(modules)}).")

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


Objective = Callable[[Networks, Batch], Terms]
"""A function of parameters, buffers, batch and the round's seed; it never writes parameters."""

Played = list[tuple[int, Terms]]
"""For each update that was made, the place of its turn in the schedule and its terms."""


@dataclass(frozen=True)
class Player:
    """A player moves networks by an update rule.

    Arguments:
        moves: Names of the networks whose parameters it moves. Two players may move the same network, each with its
            own update state.
        update: The update rule.
        project: ``(name, value) -> value``, applied to every moved parameter after each step: weight clipping is
            ``lambda name, value: value.clamp(-0.01, 0.01)``. Names are ``network.parameter``.
    """

    moves: tuple[str, ...]
    update: Update
    project: Callable[[str, Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Turn:
    """A player descends an objective.

    Arguments:
        player: Name of the player whose parameters move.
        objective: The objective it descends.
        repeat: Consecutive updates in a round (the k of Algorithm 1), or a function of the round that gives them.
        every: Played in each n-th round only (lazy regularization).
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
        check_signature(self.objective, f"the objective of a turn of {self.player!r}")
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


@dataclass(frozen=True)
class Schedule:
    """Turns and their order; made by :func:`alternating` or another function of :mod:`zerosum.game.schedules`.

    Arguments:
        turns: The turns of a round.
        order: ``(game, round) -> Played``: plays the updates of a :class:`~zerosum.game.game.Round`.
        prepare: One forward pass per data batch, ``(networks, batch) -> fields``. Its results join the batch with
            their graph, so that several objectives read ``batch["fake"]`` without computing it again; the home of
            side effects such as pool queries. The turns then share the latents of a batch.
    """

    turns: tuple[Turn, ...]
    order: Callable[[Any, Any], Played]
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


def check_signature(function: Any, subject: str) -> None:
    """Check that a function can be called with ``(networks, batch)``.

    Raises:
        ValueError: It is no function, or one of other arguments.
    """
    if not callable(function):
        raise ValueError(f"{subject} must be a function of (networks, batch), got {function!r}.")
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        raise ValueError(f"{subject} is called with (networks, batch), and its function is not: {error}.") from None
    except ValueError:  # a builtin without a signature
        return


@contextmanager
def evaluating(networks: Mapping[str, Any]) -> Iterator[None]:
    """Put every module of the networks in evaluation mode, and each back as it was at the end."""
    modules = [m for network in networks.values() if isinstance(network, nn.Module) for m in network.modules()]
    modes = [m.training for m in modules]
    for m in modules:
        m.training = False
    try:
        yield
    finally:
        for m, mode in zip(modules, modes, strict=True):
            m.training = mode
