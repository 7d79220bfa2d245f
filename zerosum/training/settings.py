"""Settings of a run on its machine: device, threads, mode, precision and micro-batches, as its record has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from zerosum.errors import ConfigError
from zerosum.game import Game
from zerosum.runtime import choose_device
from zerosum.training.experiment import Experiment

SINCE = {"ranks": 1, "precision": "float32", "micro_batches": 1}
"""Settings of runs that were made before there was a choice."""


def settle(experiment: Experiment, settings: Mapping[str, Any]) -> Game:
    """Put every stage on the run's device, in its mode and precision, with its threads; returns the last one's game.

    Arguments:
        experiment: As it was built.
        settings: A run's record.

    Raises:
        ConfigError: The game cannot be played so here.
    """
    settings = {**SINCE, **settings}
    torch.set_num_threads(settings["threads"])
    # Kernels that add in any order do not resume to the bit, and their recorded rounds are not the eager ones.
    torch.backends.cudnn.deterministic = True
    for stage in experiment.stages:
        game = stage.game.to(choose_device(settings["device"]))
        try:
            game.mode, game.precision = settings["mode"], settings["precision"]
        except ValueError as error:
            raise ConfigError(str(error)) from error
        game.micro_batches = settings["micro_batches"]
    return game


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """Torch with a run's number of threads, and the caller's threads and random numbers back at the end."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
