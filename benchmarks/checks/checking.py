"""What checks are made of."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import zerosum as zs
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.training import Experiment, Feed, play_round

Check = Callable[[int], Mapping[str, float]]
"""``seed -> {figure: value}``."""


@dataclass(frozen=True)
class Bound:
    """What is asked of a figure, for every seed.

    Arguments:
        figure: How its name begins.
        least: At least this.
        most: At most this.
    """

    figure: str
    least: float = -math.inf
    most: float = math.inf


def train(recipe: str, data: str, rounds: int, **settings: Any) -> Check:
    """A check by the recipe's own judges at the end of a run of its defaults, but for the settings named."""

    def check(seed: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            run = zs.train(recipe, data=data, rounds=rounds, seed=seed, threads=1, out=f"{folder}/run", **settings)
            return {result.metric: round(result.value, 4) for result in run.results}

    return check


def played(recipe: str, data: str, rounds: int, seed: int) -> Experiment:
    """A recipe's defaults after some rounds, without a run folder.

    Args:
        recipe: Its name.
        data: Name of the data.
        rounds: How many.
        seed: Of networks, data and latents.
    """
    module, source = recipes.find(recipe), open_data(data, seed=seed)
    config = module.Config()
    experiment = api.build(module, config, source.spec, seed)
    game = experiment.game
    feed = Feed(source, experiment.draws, game.schedule, config.batch_size, seed, game.device)
    images = 0
    for _ in range(rounds):
        images = play_round(game, feed, images)
    return experiment
