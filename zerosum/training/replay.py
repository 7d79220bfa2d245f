"""Playing rounds of a run again, to look into one of them: nothing is written, and every bit is as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.game import Game
from zerosum.training.stages import Stages


@dataclass(frozen=True)
class Update:
    """One update of a round.

    Attributes:
        player: Who moved.
        norm: Of all gradients together.
        bad: Parameters whose gradient is not finite: how many of their coordinates, of how many.
    """

    player: str
    norm: float
    bad: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Replay:
    """A round played again.

    Attributes:
        round: Its number, counted from 1 as in the log.
        examples: Real examples seen before it.
        start: Round of the checkpoint it was played from; 0 for the beginning.
        terms: By ``player/term``, of this round alone.
        updates: In their order.
        batch: For each field of its batches: least and largest value, and how many are not finite.
    """

    round: int
    examples: int
    start: int
    terms: dict[str, float]
    updates: list[Update]
    batch: dict[str, tuple[float, float, int]]

    @property
    def skipped(self) -> bool:
        """Whether an update of it could not be applied."""
        return any(update.bad for update in self.updates)


class Witness:
    """Looks at the gradients of every update of a game, before it is made."""

    def __init__(self, game: Game):
        self.game = game
        self.seen: list[Update] = []

    def __call__(self, player: str, gradients: Sequence[Tensor]) -> None:
        """Take down one update."""
        bad = {
            name: (int((~gradient.isfinite()).sum()), gradient.numel())
            for name, gradient in zip(self.game.named(player), gradients, strict=True)
            if not gradient.isfinite().all()
        }
        norm = torch.stack([gradient.double().square().sum() for gradient in gradients]).sum().sqrt()
        self.seen.append(Update(player, float(norm), bad))


def replay(stages: Stages, until: int, stop: bool, tick: Callable[[int], None] = lambda round: None) -> Replay:
    """Play from where a stages stands to a round, and look into it.

    Arguments:
        stages: At the start, before that round.
        until: The last round to play.
        stop: End at the first round with an update that was skipped.
        tick: Told each round.

    Returns:
        The last round that was played.
    """
    start = stages.round
    while True:
        if stages.stage_is_over:
            stages.advance()
        game, before = stages.game, stages.examples
        game.read()
        game.witness = witness = Witness(game)
        stages.play()
        game.witness = None
        tick(stages.round)
        found = stop and any(update.bad for update in witness.seen)
        if found or stages.round >= until:
            break
    fields: dict[str, list[Tensor]] = {}
    for batch in (batch for repeats in stages.builder.batches(game.round - 1, before) for batch in repeats):
        for name, value in batch.items():
            fields.setdefault(name, []).append(value.detach().double().flatten())
    ranges = {name: _range(torch.cat(values)) for name, values in fields.items()}
    return Replay(stages.round, before, start, game.read().terms, witness.seen, ranges)


def _range(values: Tensor) -> tuple[float, float, int]:
    finite = values[values.isfinite()]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (math.nan, math.nan)
    return low, high, len(values) - len(finite)
