"""What checks are made of."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import zerosum as zs
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.training import Experiment, Feed, play_round

Check = Callable[[int], Mapping[str, float]]
"""``seed -> {figure: value}``."""

SAMPLES = 1_000
"""Whose labels are looked at."""


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


def labelled(recipe: str, data: str, rounds: int, **settings: Any) -> Check:
    """A check as :func:`train`, of a recipe that makes images of a label: how often they are of theirs, and how unlike.

    The label of an image is that of the nearest training example, which for real test images is right as often as
    another figure says.
    """

    def check(seed: int) -> dict[str, float]:
        experiment = played(recipe, data, rounds, seed, **settings)
        results = [judge(experiment.sample, lambda split: open_data(data, split)) for judge in experiment.metrics]
        train, test = open_data(data), open_data(data, "test")
        known, real = train.batch(0, train.count or 0), test.batch(0, min(test.count or 0, SAMPLES))

        def right(x: Tensor, label: Tensor) -> float:
            nearest = torch.cdist(x.flatten(1), known["x"].flatten(1)).argmin(1)
            return round(float((known["label"][nearest] == label).float().mean()), 4)

        def variety(x: Tensor, label: Tensor) -> Tensor:
            """Mean over the labels of the variance of their images, summed over pixels."""
            return torch.stack([x[label == one].flatten(1).var(0).sum() for one in label.unique()]).mean()

        drawn = [(experiment.ask("sample", batch), batch["fake_label"]) for batch in experiment.drawn(SAMPLES)]
        made, asked = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        return {
            **{result.metric: round(result.value, 4) for result in results},
            "samples of their label": right(made, asked),
            "their variance within a label over that of real ones": round(
                float(variety(made, asked) / variety(real["x"], real["label"])), 4
            ),
            "the same of real test images": right(real["x"], real["label"]),
        }

    return check


def played(recipe: str, data: str, rounds: int, seed: int, **settings: Any) -> Experiment:
    """A recipe after some rounds, without a run folder.

    Args:
        recipe: Its name.
        data: Name of the data.
        rounds: How many.
        seed: Of networks, data and latents.
        settings: Its defaults, but for these.
    """
    module, source = recipes.find(recipe), open_data(data, seed=seed)
    config = module.Config(**settings)
    experiment = api.build(module, config, source.spec, seed)
    experiment.begin(lambda: open_data(data))
    game = experiment.game
    feed = Feed(source, experiment.draws, game.schedule, config.batch_size, seed, game.device)
    images = 0
    for _ in range(rounds):
        images = play_round(game, feed, images)
    return experiment
