"""Layers quick to differentiate twice, planes with channels last, and bfloat16: ``python -m benchmarks.layers``.

Rounds of image recipes by the engine, timed by turns in one process: with torch's own convolutions and rectifiers and
its layout of planes, with the weights of convolutions channels last, and with our layers
(``zerosum.networks.double_backward``); in float32 and in bfloat16. Ratios are to the first of these in float32. Rows go
to ``benchmarks/results/layers.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import get_args
from unittest import mock

import torch
import tyro
from torch.nn.functional import leaky_relu

from benchmarks import rows
from zerosum import recipes
from zerosum.api.plans import build
from zerosum.data import Arrays, DataSpec
from zerosum.game import Precision
from zerosum.networks import double_backward, resample, style, style_layers
from zerosum.profiling import timing
from zerosum.training import BatchBuilder, Rounds

SYSTEMS = {
    "dcgan": (64, {"width": 32, "kernel": 4}),
    "r3gan": (64, {}),
    "stylegan2": (32, {}),
    "wgan_gp": (32, {"networks": "residual"}),
}
"""Side of the images, in colour, and settings that are not by default; batches are of 64."""


@contextmanager
def layers_of_torch() -> Iterator[None]:
    """While entered, our networks compute by torch's own layers."""
    with ExitStack() as stack:
        for module in (double_backward, resample, style, style_layers):
            for name, theirs in (("convolve", double_backward.plain), ("rectify", leaky_relu)):
                if hasattr(module, name):
                    stack.enter_context(mock.patch.object(module, name, theirs))
        yield


def contestant(recipe: str, data: Arrays, precision: Precision, own: bool, last: bool) -> timing.Contestant:
    """A recipe's rounds.

    Args:
        recipe: Its name.
        data: What it trains on.
        precision: Of products.
        own: By our layers.
        last: Weights of convolutions are channels last.
    """
    module = recipes.find(recipe)
    config = module.Config(batch_size=64, **SYSTEMS[recipe][1])
    experiment = build(module, config, data.spec, 0)
    game = experiment.game
    game.precision = precision
    if not last:
        for network in (*game.networks.values(), *game.averages.values()):
            network.to(memory_format=torch.contiguous_format)
    rounds, images = Rounds(game, BatchBuilder(data, experiment.priors, game.schedule, 64, 0, game.device)), 0

    def play(count: int) -> int:
        nonlocal images
        before, goal = images, game.round + count
        with ExitStack() as stack:
            if not own:
                stack.enter_context(layers_of_torch())
            while game.round < goal:
                images = rounds.play(images, goal - game.round)
        return images - before

    return play


def main(
    systems: tuple[str, ...] = tuple(SYSTEMS),
    threads: int = 1,
    turns: int = 10,
    seconds: float = 1.0,
    keep: bool = True,
) -> None:
    """Time.

    Args:
        systems: Which.
        threads: Of the CPU.
        turns: Of every contestant.
        seconds: Of work in each.
        keep: Add the rows to the results.
    """
    torch.set_num_threads(threads)
    for name in systems:
        side = SYSTEMS[name][0]
        x = torch.randint(0, 256, (1_000, 3, side, side), dtype=torch.uint8)
        data = Arrays(DataSpec.of("noise", "image", (3, side, side), count=len(x)), {"x": x}, seed=0)
        contestants = {
            f"{precision}, {what}": contestant(name, data, precision, own, last)
            for precision in get_args(Precision)
            for what, own, last in (
                ("torch's layers", False, False),
                ("channels last", False, True),
                ("our layers", True, True),
            )
        }
        match = timing.compare(contestants, dict.fromkeys(contestants, threads), turns, seconds)
        print(f"\n{name}, {side}x{side}, {threads} threads, load {match.loads}, {'; '.join(match.doubts)}")
        for who, score in match.scores.items():
            print(f"  {who:28} {score.ratio:5.2f} ({score.low:.2f} to {score.high:.2f}) {score.median:7,.0f} images/s")
        if keep:
            scores = {
                who: {"ratio": [s.ratio, s.low, s.high], "images_per_second": s.median, "cpu": s.cpu}
                for who, s in match.scores.items()
            }
            row = {"system": name, "side": side, "threads": threads, "turns": turns, "contestants": scores}
            rows.keep("layers", {**row, "loads": match.loads, "doubts": match.doubts})


if __name__ == "__main__":
    tyro.cli(main)
