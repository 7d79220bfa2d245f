"""What a run will cost here, from a short trial of it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import torch

from zerosum.training.experiment import Experiment
from zerosum.training.feed import Feed, play_round

TRIAL = 1.5
"""Seconds of the trial."""


@dataclass(frozen=True)
class Forecast:
    """What the trial showed.

    Attributes:
        rounds_per_second: Measured, after the first rounds.
        images_per_round: Real examples a round takes.
        memory: Peak of the process (on CUDA: of the device) in bytes; None where the system does not tell.
        checkpoint: Bytes of one checkpoint.
        parameters: Per network.
    """

    rounds_per_second: float
    images_per_round: int
    memory: int | None
    checkpoint: int
    parameters: dict[str, int]


def forecast(experiment: Experiment, feed: Feed) -> Forecast:
    """Play the beginning of a run for a second or two. The experiment is used up: build another to train."""
    game = experiment.game
    images = play_round(game, feed, 0)  # the first round makes what the others reuse
    game.read()
    started, rounds = time.monotonic(), 0
    while rounds == 0 or time.monotonic() - started < TRIAL:
        images = play_round(game, feed, images)
        rounds += 1
    game.read()  # waits for the device
    seconds = time.monotonic() - started
    return Forecast(
        rounds_per_second=rounds / seconds,
        images_per_round=feed.images(0),
        memory=_peak(game.device),
        checkpoint=game.size(),
        parameters={name: sum(p.numel() for p in n.parameters()) for name, n in game.networks.items()},
    )


def _peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
