"""The engine against the loop a good user writes today: ``python -m benchmarks.plain [--threads 1]``.

The loop has its data resident as uint8, gathers by one index call, detaches its fakes, never asks the device for a
number, and takes ``torch.optim`` and ``nn.Dropout`` as they come; a second row gives it torch's fused optimizer, and
a third our dropout besides, which leaves the engine alone as the difference. The engine plays the recipe as ``zerosum
train`` does. Both compute the same updates: their parameters agree to 1e-6 after 20 rounds (on the same draws, so with
the same dropout), or there is no timing. Rows are added to ``benchmarks/results/plain.jsonl``.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import nn
from torch.nn.functional import softplus

from benchmarks import harness
from zerosum import api, recipes
from zerosum.data import DataSpec, Stored, open_data
from zerosum.game import Game
from zerosum.networks import Dropout
from zerosum.runtime import machine, rank, reseed
from zerosum.training import Experiment, Feed, play_round

RESULTS = Path(__file__).parent / "results" / "plain.jsonl"
CPU = torch.device("cpu")
SEED = 0

Step = Callable[[dict[str, torch.Tensor], dict[str, torch.Tensor]], None]
"""One round on the batches of the two turns."""


def vanilla(game: Game, config: Any, fused: bool) -> Step:
    """The round of recipe ``vanilla``, by hand."""
    G, D = game.networks.generator, game.networks.discriminator
    betas = (config.beta1, config.beta2)
    of_d = torch.optim.Adam(D.parameters(), lr=config.learning_rate, betas=betas, fused=fused)
    of_g = torch.optim.Adam(G.parameters(), lr=config.learning_rate, betas=betas, fused=fused)

    def step(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
        of_d.zero_grad()
        fake = G(first["z"]).detach()
        (softplus(-D(first["x"])).mean() + softplus(D(fake)).mean()).backward()
        of_d.step()
        of_g.zero_grad()
        softplus(-D(G(second["z"]))).mean().backward()
        of_g.step()

    return step


def gan(game: Game, config: Any, fused: bool) -> Step:
    """The round of recipe ``gan`` as released, by hand: one pass over real and fake serves both gradients."""
    G, D = game.networks.generator, game.networks.discriminator
    options = {"lr": config.learning_rate, "momentum": config.momentum, "fused": fused}
    of_d, of_g = torch.optim.SGD(D.parameters(), **options), torch.optim.SGD(G.parameters(), **options)
    average = copy.deepcopy(G)
    share = 1 - 0.5 ** (config.batch_size / config.average_halflife)
    seen = 0

    def step(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
        nonlocal seen
        done = min(1.0, seen / (config.horizon * 50_000))
        for optimizer in (of_d, of_g):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate / config.learning_rate_decay ** (seen / config.batch_size)
                group["momentum"] = config.momentum + (config.final_momentum - config.momentum) * done
        real, fake = D(first["x"]), D(G(first["z"]))
        loss_d = (softplus(-real).mean() + softplus(fake).mean()) / 2
        loss_g = softplus(-fake).mean()
        of_d.zero_grad()
        of_g.zero_grad()
        loss_d.backward(inputs=list(D.parameters()), retain_graph=True)
        loss_g.backward(inputs=list(G.parameters()))
        of_d.step()
        of_g.step()
        with torch.no_grad():
            for slow, live in zip(average.parameters(), G.parameters(), strict=True):
                slow.lerp_(live, share)
        seen += config.batch_size

    return step


LOOPS: dict[str, Callable[[Game, Any, bool], Step]] = {"vanilla": vanilla, "gan": gan}
DATA = {"vanilla": "mnist", "gan": "mnist"}


def opened(name: str, root: Path | None) -> Stored:
    """MNIST, or noise of its shape where it is not there: the arithmetic is the same."""
    try:
        data = open_data(name, "train", SEED, CPU, root)
        assert isinstance(data, Stored)
        return data
    except Exception as error:
        print(f"{name} is not here ({error}); timing on noise of its shape.")
        x = torch.randint(0, 256, (50_000, 1, 28, 28), dtype=torch.uint8)
        return Stored(DataSpec("noise", (1, 28, 28), "uint8", count=50_000, classes=10), x, seed=SEED)


def made(name: str, data: Stored) -> tuple[Experiment, Feed, Any]:
    """The recipe at its paper's size."""
    module = recipes.find(name)
    config = module.Config()
    experiment = api.build(module, config, data.spec, SEED)
    experiment.begin(lambda: data)
    return experiment, Feed(data, experiment.draws, experiment.game.schedule, config.batch_size, SEED, CPU), config


def agree(name: str, data: Stored, rounds: int = 20) -> float:
    """The largest difference of any parameter after some rounds on the same batches and the same dropout."""
    experiment, feed, config = made(name, data)
    other, _, _ = made(name, data)
    step = LOOPS[name](other.game, config, False)
    images = 0
    for _ in range(rounds):
        batches = feed.batches(experiment.game.round, images)
        first, second = batches[0][0], batches[-1][0]
        reseed(CPU, SEED, "round", rank(), experiment.game.round)
        step(dict(first), dict(second))
        images = play_round(experiment.game, feed, images)
    gaps = [
        float((a - b).abs().max())
        for network in experiment.game.networks
        for a, b in zip(
            _parameters(experiment.game.networks[network]), _parameters(other.game.networks[network]), strict=True
        )
    ]
    return max(gaps)


def _parameters(network: nn.Module) -> Iterator[torch.Tensor]:
    return (p.detach() for p in network.parameters())


def engine(name: str, data: Stored) -> harness.Contestant:
    """The recipe as it is trained."""
    experiment, feed, _ = made(name, data)
    images = 0

    def rounds(count: int) -> int:
        nonlocal images
        before = images
        for _ in range(count):
            images = play_round(experiment.game, feed, images)
        return images - before

    return rounds


def loop(name: str, data: Stored, fused: bool, ours: bool = False) -> harness.Contestant:
    """The loop as a user runs it: its own index calls and its own noise, torch's dropout unless ``ours``."""
    experiment, _, config = made(name, data)
    for network in experiment.game.networks.values():
        for inner in () if ours else list(network.modules()):
            for child, layer in inner.named_children():
                if isinstance(layer, Dropout):
                    setattr(inner, child, nn.Dropout(layer.p))
    step = LOOPS[name](experiment.game, config, fused)
    pixels, size = data._x, config.batch_size
    prior = experiment.draws["z"]
    generator = torch.Generator().manual_seed(SEED)
    order, place = torch.randperm(len(pixels), generator=generator), 0

    def rounds(count: int) -> int:
        nonlocal order, place
        for _ in range(count):
            if place + size > len(order):
                order, place = torch.randperm(len(pixels), generator=generator), 0
            x = pixels[order[place : place + size]].float() / 255
            place += size
            first = {"x": x, "z": prior(size, generator)}
            second = first if name == "gan" else {"z": prior(size, generator)}
            step(first, second)
        return count * size

    return rounds


def main(threads: int = 1, root: Path | None = None, keep: bool = True) -> None:
    """Gate, then time.

    Args:
        threads: CPU threads.
        root: Folder that known data sets lie in.
        keep: Add the rows to the results.
    """
    torch.set_num_threads(threads)
    for name in LOOPS:
        data = opened(DATA[name], root)
        gap = agree(name, data)
        print(f"{name}: parameters agree to {gap:.1e} after 20 rounds")
        if gap > 1e-6:
            raise SystemExit(f"{name}: the two loops do not compute the same; no timing.")
        contestants = {"plain": loop(name, data, False), "plain, fused optimizer": loop(name, data, True)}
        if name == "gan":
            contestants["plain, fused, our dropout"] = loop(name, data, True, ours=True)
        match = harness.play({**contestants, "zerosum": engine(name, data)}, threads)
        print(f"{name}, {threads} threads, load {match.loads[0]:.1f} to {match.loads[1]:.1f}")
        for who, score in match.scores.items():
            print(
                f"  {who:26} {score.median:9,.0f} images/s (best {score.best:9,.0f})  x{score.ratio:.2f} "
                f"({score.low:.2f} to {score.high:.2f})  cpu {score.cpu:.2f}"
            )
        for doubt in match.doubts:
            print(f"  no verdict: {doubt}")
        if keep:
            row = {
                "recipe": name,
                "threads": threads,
                "gap": gap,
                "ratios": {who: [score.ratio, score.low, score.high] for who, score in match.scores.items()},
                "images_per_second": {who: score.median for who, score in match.scores.items()},
                "loads": match.loads,
                "doubts": match.doubts,
                **{key: value for key, value in machine().items() if key != "host"},
            }
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    tyro.cli(main)
