"""The checks of the recipes' pages, at the size of a laptop: ``python -m benchmarks.checks NAME --seed 0``.

Each trains a recipe, judges it, and appends a row to ``benchmarks/results/checks.jsonl``; a row that is there already
is not made again. The tables in ``docs/recipes`` are made from these rows.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import nn

import zerosum as zs
from zerosum import api
from zerosum.data import Data, open_data
from zerosum.recipes import vanilla
from zerosum.runtime import machine
from zerosum.training import Feed, play_round

RESULTS = Path(__file__).parent / "results" / "checks.jsonl"


def train(recipe: str, data: str, rounds: int, **settings: Any) -> Callable[[int], dict[str, float]]:
    """A check by the recipe's own judges at the end of a run of its defaults, but for the settings named."""

    def check(seed: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            run = zs.train(recipe, data=data, rounds=rounds, seed=seed, threads=1, out=f"{folder}/run", **settings)
            return {result.metric: round(result.value, 4) for result in run.results}

    return check


def vanilla_mnist(seed: int) -> dict[str, float]:
    """Card A10: 20,000 rounds on MNIST; a classifier should be sure of the samples and find most digits among them."""
    data = open_data("mnist", seed=seed)
    config = vanilla.Config()
    experiment = api.build(vanilla, config, data.spec, seed)
    game = experiment.game
    feed = Feed(data, experiment.draws, game.schedule, config.batch_size, seed, game.device)
    images = 0
    for _ in range(20_000):
        images = play_round(game, feed, images)
    classifier = digit_classifier(data)
    held_out = open_data("mnist", "test").batch(0, 10_000)
    with torch.no_grad():
        probabilities, real = (classifier(x).softmax(1) for x in (experiment.sample(10_000, seed), held_out["x"]))
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(probabilities)
    return {
        "mean largest probability": round(float(probabilities.amax(1).mean()), 4),
        "digits with at least 2 %": int((shares >= 0.02).sum()),
        "smallest share": round(float(shares.min()), 4),
        "mean largest probability of real test images": round(float(real.amax(1).mean()), 4),
        "classifier accuracy on test": round(float((real.argmax(1) == held_out["label"]).float().mean()), 4),
    }


CHECKS: dict[str, Callable[[int], dict[str, float]]] = {
    "vanilla-mnist": vanilla_mnist,
    "vanilla-digits": train("vanilla", "digits", 10_000),
    "vanilla-digits-bfloat16": train("vanilla", "digits", 10_000, precision="bfloat16"),
    "vanilla-digits-long": train("vanilla", "digits", 50_000),
    "vanilla-ring": train("vanilla", "ring", 10_000),
    "mlp_gan-digits": train("mlp_gan", "digits", 8_000),
    "mlp_gan-ring": train("mlp_gan", "ring", 10_000),
    "mlp_gan-ring-bfloat16": train("mlp_gan", "ring", 10_000, precision="bfloat16"),
    "mlp_gan-grid": train("mlp_gan", "grid", 20_000),
}


def digit_classifier(data: Data) -> nn.Module:
    """A small convolutional classifier, five epochs."""
    torch.manual_seed(0)
    classifier = nn.Sequential(
        nn.Conv2d(1, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 64, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10)
    )
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    for step in range(5 * 500):
        batch = data.batch(100 * step, 100)
        loss = nn.functional.cross_entropy(classifier(batch["x"]), batch["label"])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return classifier


def main(name: tyro.conf.Positional[str], seed: int = 0) -> None:
    """Run one check and keep its row.

    Args:
        name: Which check.
        seed: Of everything random in it.
    """
    if name not in CHECKS:
        raise SystemExit(f"unknown check {name!r}; there are: {', '.join(CHECKS)}.")
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    if any(row["check"] == name and row["seed"] == seed for row in rows):
        print(f"{name} seed {seed} is there already.")
        return
    torch.set_num_threads(1)
    started = time.monotonic()
    figures = CHECKS[name](seed)
    row = {"check": name, "seed": seed, "figures": figures, "seconds": round(time.monotonic() - started, 1)}
    facts = machine()
    row |= {key: facts[key] for key in ("processor", "cores", "python", "torch")} | {"threads": 1}
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row))


if __name__ == "__main__":
    tyro.cli(main)
