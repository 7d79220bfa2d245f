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
from zerosum.metrics import Metric, Splits, train_classifier
from zerosum.training import BatchBuilder, Evaluated, Experiment, play_round

Check = Callable[[int], Mapping[str, float]]
"""``seed -> {figure: value}``."""

Sample = Callable[[int, int], Tensor]
"""``(n, seed) -> (n, ...)``."""

SAMPLES = 5_000
"""That a classifier looks at."""


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
    """A check by the recipe's own metrics at the end of a run of its defaults, but for the settings named."""

    def check(seed: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            run = zs.train(recipe, data=data, rounds=rounds, seed=seed, threads=1, out=f"{folder}/run", **settings)
            return {result.metric: round(result.value, 4) for result in run.results}

    return check


def classified(recipe: str, data: str, rounds: int, **settings: Any) -> Check:
    """A check as :func:`train`, with what a classifier sees in the samples."""

    def check(seed: int) -> dict[str, float]:
        experiment = played(recipe, data, rounds, seed, **settings)
        model = Evaluated(experiment, open_data(data).spec)
        results = [metric(model, lambda split: open_data(data, split)) for metric in experiment.metrics]
        return {**{result.metric: round(result.value, 4) for result in results}, **seen(experiment, data, seed)}

    return check


def seen(experiment: Experiment, data: str, seed: int) -> dict[str, float]:
    """What a classifier that saw real images alone sees in samples.

    How many classes have 2 % of them or more, and how sure it is; of images made for a label, how often it sees that
    one, and how much those of a label vary beside real ones of it; last, how often it is right about real test images.

    Args:
        experiment: Trained.
        data: Name of the data, with labels.
        seed: Of the samples and of the classifier.
    """
    test = open_data(data, "test")
    real = test.batch(0, test.count or 0)
    classify = train_classifier(open_data(data), seed=seed)
    classes = classify.classes
    made = experiment.sample(SAMPLES, seed)
    sure, found = classify(made).softmax(1).max(1)
    real_sure, real_found = classify(real["x"]).softmax(1).max(1)
    shares = torch.bincount(found, minlength=classes) / len(found)
    figures = {
        "classes with at least 2 %": int((shares >= 0.02).sum()),
        "smallest share": round(float(shares.min()), 4),
        "mean largest probability": round(float(sure.mean()), 4),
        "the same of real test images": round(float(real_sure.mean()), 4),
    }

    def variance(x: Tensor, label: Tensor) -> Tensor:
        """Mean over the labels of the variance of their images, summed over pixels."""
        return torch.stack([x[label == one].flatten(1).var(0).sum() for one in range(classes)]).mean()

    if "fake_label" in experiment.priors:
        asked = torch.cat([batch["fake_label"] for batch in experiment.drawn(SAMPLES, seed)])
        agreed = torch.stack([(found == one)[asked == one].float().mean() for one in range(classes)])
        figures |= {
            "labels as asked": round(float((found == asked).float().mean()), 4),
            "of the least such label": round(float(agreed.min()), 4),
            "variance within a label, of the real one": round(
                float(variance(made, asked) / variance(real["x"], real["label"])), 3
            ),
        }
    right = (real_found == real["label"]).float().mean()
    return {**figures, "test images rightly classified": round(float(right), 4)}


def fall(metric: Metric, untrained: Sample, trained: Sample, splits: Splits) -> dict[str, float]:
    """How far a distance to test images fell, as a share of the way to real training images in the model's place.

    Args:
        metric: Whose distance it is.
        untrained: Samples before the first round.
        trained: Samples after the last.
        splits: Opens the data.
    """
    before, after = (metric.of(sample(metric.n, 0), splits).value for sample in (untrained, trained))
    floor = metric.control("real training images", splits).value
    return {"untrained": before, "model": after, "floor": floor, "share": (before - after) / (before - floor)}


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
    builder = BatchBuilder(source, experiment.priors, game.schedule, config.batch_size, seed, game.device)
    images = 0
    for _ in range(rounds):
        images = play_round(game, builder, images)
    return experiment
