"""Forecast: the time, memory and disk of a run on this machine, from a short trial of its stages."""

from __future__ import annotations

import dataclasses
import math
import sys
from dataclasses import dataclass

import torch

from zerosum.profiling.timing import contestants, time_turn
from zerosum.training.batches import BatchBuilder
from zerosum.training.experiment import Experiment
from zerosum.training.loop import Goal

TRIAL = 1.5
"""Seconds of the trial."""


@dataclass(frozen=True)
class Forecast:
    """The cost of a stage, by its trial.

    Attributes:
        stage: Its name.
        rounds: Rounds of the run in this stage.
        rounds_per_second: Measured, after the first rounds.
        examples_per_round: Real examples a round takes.
        memory: Peak of the process (on CUDA: of the device) in bytes; None where it is unknown.
        checkpoint: Bytes of one checkpoint.
        parameters: Per network.
    """

    stage: str
    rounds: int
    rounds_per_second: float
    examples_per_round: int
    memory: int | None
    checkpoint: int
    parameters: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of training, for these rounds."""
        return self.rounds / self.rounds_per_second


def forecast(experiment: Experiment, builder: BatchBuilder, goal: Goal) -> list[Forecast]:
    """Play the beginning of each stage for a second or two. The experiment is used up: build another to train.

    Arguments:
        experiment: The last stage, with those before it.
        builder: Of the last stage.
        goal: The end of the run.

    Returns:
        The cost of each stage that would begin; with a goal in seconds the rounds follow from the trial.
    """
    costs: list[Forecast] = []
    for stage in experiment.stages:
        rounds = sum(cost.rounds for cost in costs)
        examples = sum(cost.rounds * cost.examples_per_round for cost in costs)
        seconds = sum(cost.seconds for cost in costs)
        if goal.fraction(rounds, examples, seconds) >= 1:
            break
        cost = _trial(stage, builder if stage is experiment else builder.of(stage))
        left = []
        if goal.rounds is not None:
            left.append(goal.rounds - rounds)
        if goal.examples is not None:
            left.append(math.ceil((goal.examples - examples) / cost.examples_per_round))
        if goal.seconds is not None:
            left.append(round((goal.seconds - seconds) * cost.rounds_per_second))
        if stage is not experiment:
            left.append(stage.rounds)
        costs.append(dataclasses.replace(cost, rounds=min(left)))
    return costs


def _trial(stage: Experiment, builder: BatchBuilder) -> Forecast:
    game = stage.game
    (play,) = contestants(game, builder, [torch.get_num_threads()])
    play(1)  # the first round makes what the others reuse
    before = game.round
    turn = time_turn(play, TRIAL)
    return Forecast(
        stage=stage.stage,
        rounds=0,
        rounds_per_second=(game.round - before) / turn.seconds,
        examples_per_round=builder.examples(0),
        memory=peak_memory(game.device),
        checkpoint=game.size(),
        parameters={name: sum(p.numel() for p in n.parameters()) for name, n in game.networks.items()},
    )


def peak_memory(device: torch.device) -> int | None:
    """The most memory so far in bytes, of the process or on CUDA of the device; None where it is unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
