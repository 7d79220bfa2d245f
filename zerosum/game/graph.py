"""CUDA graphs: rounds are recorded once and replayed, for games of small networks.

Small networks are bound by the host, which issues some hundred kernels a round one by one. A recorded call issues
those of several rounds at once. A recording repeats what it did, so whatever changes from round to round must be a
tensor: the inputs, the counter of examples, ramps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.game.game import Game, Logged
from zerosum.game.turn import Batch

Inputs = dict[tuple[str | int, ...], dict[str, Tensor]]
"""The inputs of a round: indices and priors, by their use and by name."""


@dataclass
class _Recording:
    inputs: list[Tensor]
    again: Callable[[], None]
    logged: list[Logged]
    proved: bool = False


class Graphs:
    """The recorded rounds of a game, one recording for each sequence of patterns and shapes that is asked for.

    Arguments:
        game: The game whose rounds are recorded. It has played a round of each pattern before, so that kernels are
            chosen and lazy initialisation is done.
        made: ``(round, inputs) -> batches`` by work on tensors alone.
        reseed: ``round -> None``, for the random numbers inside networks.
    """

    def __init__(self, game: Game, made: Callable[[int, Inputs], list[list[Batch]]], reseed: Callable[[int], None]):
        self._game, self._made, self._reseed = game, made, reseed
        self._recordings: dict[tuple[object, ...], _Recording] = {}

    def play(self, inputs: Sequence[Inputs], examples: int) -> str | None:
        """Play the next rounds in one call.

        A sequence of rounds is recorded and played eagerly the first time; the second time it is played both ways and
        must end with the same bits. That finds a number that is no tensor and so keeps its recorded value.

        Arguments:
            inputs: Of each round.
            examples: Real examples a round takes.

        Returns:
            The reason why the recorded rounds do not equal the eager ones, which were played instead; None if they do.
        """
        game = self._game
        rounds = range(game.round, game.round + len(inputs))
        fed = _flat(inputs)
        key = (*(game.schedule.pattern(round) for round in rounds), *(tensor.shape for tensor in fed), examples)
        recording = self._recordings.get(key)
        if recording is not None and recording.proved:
            self._call(recording, fed)
            return None
        why_not = None
        if recording is None:
            try:
                self._recordings[key] = self._record(rounds, inputs, examples)
            except RuntimeError as error:  # torch's, of an operation that cannot be recorded
                why_not = str(error).partition("\n")[0]
        before = _copy(game.state()) if recording else {}
        for round, one in zip(rounds, inputs, strict=True):
            self._reseed(round)
            game.play(self._made(round, one), examples)
        if recording is None:
            return why_not
        eager = _copy(game.state())
        game.load_state(before)
        self._call(recording, fed)
        parted = [name for name, tensor in game.state().items() if not _same(tensor, eager[name])]
        if parted:
            game.load_state(eager)
            return f"{parted[0]} differs from the eager round's: something that changes is no tensor, or in no order"
        recording.proved = True
        return None

    def _call(self, recording: _Recording, fed: list[Tensor]) -> None:
        self._reseed(self._game.round)
        torch._foreach_copy_(recording.inputs, fed)
        recording.again()
        for logged in recording.logged:
            self._game.count(logged)

    def _record(self, rounds: range, inputs: Sequence[Inputs], examples: int) -> _Recording:
        held = [{key: {n: t.clone() for n, t in group.items()} for key, group in one.items()} for one in inputs]
        logged: list[Logged] = []

        def work() -> None:
            logged.clear()
            for round, one in zip(rounds, held, strict=True):
                logged.append(self._game.advance(self._made(round, one), examples))

        return _Recording(_flat(held), self._game.capture(work), logged)


def _flat(inputs: Sequence[Inputs]) -> list[Tensor]:
    return [tensor for one in inputs for group in one.values() for tensor in group.values()]


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all())


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}
