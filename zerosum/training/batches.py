"""A round's batches, data by position and latents by what they are for; and the next round played on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Generator, Tensor

from zerosum.data import Data
from zerosum.game import Batch, Game, Inputs, Schedule, Turn
from zerosum.runtime import mix, rank, reseed, world_size
from zerosum.sources import Prior
from zerosum.training.experiment import Experiment


class BatchBuilder:
    """Makes the batches of any round from its number and the examples seen; it has no state.

    The whole batch is made and then cut into the ranks' parts, so that their number does not change what is played.

    Repeat i of a turn sees the round's data batch ``offset + i``, and latents drawn from
    (seed, name, turn, repeat, round); where the schedule prepares its batches, latents belong to the data batch.

    Arguments:
        data: The training examples.
        priors: Priors by field name.
        schedule: Which turns are due and what they take.
        batch_size: Examples in a batch, over all ranks.
        seed: Of the latents, and of what networks draw inside.
        device: Where the batches are used.

    Raises:
        ValueError: The ranks cannot have equal parts of what a turn draws.
    """

    def __init__(
        self,
        data: Data,
        priors: Mapping[str, Prior],
        schedule: Schedule,
        batch_size: int,
        seed: int,
        device: torch.device,
    ):
        self._data = data
        self._device = device
        self._priors = dict(priors)
        self._schedule = schedule
        self._batch_size = batch_size
        self.seed = seed
        self._ranks = world_size()
        for size in (batch_size, *(turn.size for turn in schedule.turns if turn.size)):
            if size % self._ranks:
                raise ValueError(f"every rank plays an equal part: {self._ranks} ranks cannot share {size} latents.")
        self._generator = Generator(device)

    def of(self, stage: Experiment) -> BatchBuilder:
        """The builder of an earlier stage on the same data; its latents are not those of the stages after it."""
        seed = mix(self.seed, "stage", stage.stage)
        return BatchBuilder(self._data, stage.priors, stage.game.schedule, self._batch_size, seed, self._device)

    def examples(self, round: int) -> int:
        """Real examples a round takes."""
        return self._schedule.takes(round) * self._batch_size

    def batches(self, round: int, examples: int) -> list[list[Batch]]:
        """For each turn, one batch per repeat; none where it is not due.

        Arguments:
            round: Its number.
            examples: Real examples seen before it, which is the position in the data.
        """
        return self.made(round, self.inputs(round, examples))

    def inputs(self, round: int, examples: int) -> Inputs:
        """Everything of a round's batches that the host has a say in: where the data lie, and what is drawn.

        Arguments:
            round: Its number.
            examples: Real examples seen before it.

        Returns:
            Tensors on the device, by what they are for and by name; rounds of one pattern differ in their values alone.
        """
        inputs: Inputs = {}
        for place, turn, repeat in self._updates(round):
            data, drawn = self._names(place, turn, repeat)
            if data not in inputs:
                position = examples + data[1] * self._batch_size
                inputs[data] = self._data.locate(position, self._batch_size)
            if drawn not in inputs:
                inputs[drawn] = self._draw(turn.size or self._batch_size, round, *drawn[1:])
        return inputs

    def made(self, round: int, inputs: Inputs) -> list[list[Batch]]:
        """The batches, from their inputs by work on tensors alone.

        Arguments:
            round: Any round of their pattern.
            inputs: What :meth:`inputs` gave, or others of those shapes.
        """
        gathered: dict[int, Batch] = {}
        made: list[list[Batch]] = [[] for _ in self._schedule.turns]
        for place, turn, repeat in self._updates(round):
            data, drawn = self._names(place, turn, repeat)
            if data[1] not in gathered:
                gathered[data[1]] = self._data.gather(inputs[data])
            whole = {**gathered[data[1]], **inputs[drawn]}
            made[place].append({name: self._part(value) for name, value in whole.items()})
        return made

    def _updates(self, round: int) -> Iterator[tuple[int, Turn, int]]:
        for place, turn in enumerate(self._schedule.turns):
            for repeat in range(turn.repeats(round)) if turn.due(round) else ():
                yield place, turn, repeat

    def _names(self, place: int, turn: Turn, repeat: int) -> tuple[tuple[str, int], tuple[str, int, int]]:
        """Of the inputs of an update: its data batch, and what is drawn for it."""
        number = turn.offset + repeat
        return ("data", number), ("drawn", *((place, repeat) if self._schedule.prepare is None else (0, number)))

    def _part(self, value: Tensor) -> Tensor:
        # Of a field of the whole batch what this rank plays; what is 0-d is about all of it.
        return value.chunk(self._ranks)[rank()] if self._ranks > 1 and value.ndim else value

    def _draw(self, size: int, round: int, place: int, repeat: int) -> Batch:
        drawn = {}
        for name, prior in self._priors.items():
            self._generator.manual_seed(mix(self.seed, "draw", name, place, repeat, round))
            drawn[name] = prior(size, self._generator)
        return drawn


def play_round(game: Game, builder: BatchBuilder, examples: int) -> int:
    """Play the next round of a game; what its networks draw inside comes from (seed, rank, round).

    Arguments:
        game: At the round to be played.
        builder: Makes its batches.
        examples: Real examples seen so far; the game's own count is on the device.

    Returns:
        Real examples seen after it.
    """
    reseed(game.device, builder.seed, "round", rank(), game.round)
    taken = builder.examples(game.round)
    game.play(builder.batches(game.round, examples), taken)
    return examples + taken
