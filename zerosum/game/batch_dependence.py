"""Batch-dependent objectives: their gradient on a batch is not the mean of the gradients on its parts.

Batch normalisation, minibatch features, dropout and unrolling make micro-batches and ranks differ from one big batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from zerosum.game.game import Game, Round
from zerosum.game.gradients import gradients
from zerosum.game.turn import Batch
from zerosum.runtime import reseed


def batch_dependent_turns(game: Game, batches: Sequence[Sequence[Batch]], tolerance: float = 1e-4) -> list[int]:
    """Places of the turns whose gradient on a batch is not the mean of its gradients on the batch's halves.

    Arguments:
        game: Left as it is; a copy is played.
        batches: As for :meth:`Game.play`, of even size. A turn without a batch is not checked.
        tolerance: On the largest difference, relative to the largest gradient.

    Returns:
        Places in the schedule.
    """
    trial = copy.deepcopy(game)

    def gradients_on(batch: Batch, place: int) -> list[Tensor]:
        reseed(trial.device, "coupling")
        one: list[list[Batch]] = [[] for _ in trial.schedule.turns]
        one[place] = [{**batch, "examples": trial.examples}]
        turn = trial.schedule.turns[place]
        return gradients(trial, turn, Round(trial, one).batches(place, 0)[0])[1]

    found = []
    for place, repeats in enumerate(batches):
        if not repeats:
            continue
        whole = gradients_on(repeats[0], place)
        halves = [gradients_on(half, place) for half in _halves(repeats[0])]
        scale = max(float(g.abs().max()) for g in whole)
        gap = max(float((w - (a + b) / 2).abs().max()) for w, a, b in zip(whole, *halves, strict=True))
        if gap > tolerance * max(scale, torch.finfo(torch.float32).tiny):
            found.append(place)
    return found


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    split = {name: field.chunk(2) if field.ndim else (field, field) for name, field in batch.items()}
    return {k: v[0] for k, v in split.items()}, {k: v[1] for k, v in split.items()}
