"""The engine against the loop a good user writes today: ``python -m benchmarks.plain [--systems a b] [--threads 1]``.

That loop has its data resident as uint8, gathers by one index call, detaches its fakes, never asks the device for a
number, and takes ``torch.optim``, ``nn.Dropout`` and ``amax`` as they come. Other rows give it torch's fused optimizer
and, for ``gan``, our dropout and maxout besides, which leaves the engine alone as the difference. The tutorial's loop
takes its examples one by one through a DataLoader and asks for every loss. The engine plays as ``zerosum train`` does.

All compute the same updates: the engine's parameters and the good loop's agree to 1e-6 after 20 rounds on the same
batches (and the same dropout), or there is no timing. Rows are added to ``benchmarks/results/plain.jsonl``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import nn

from benchmarks.systems import CPU, SEED, SYSTEMS, Round, System, pixels
from zerosum.data import Stored
from zerosum.networks import Dropout, Maxout
from zerosum.runtime import machine, reseed
from zerosum.training import Experiment, Feed, play_round, timing

RESULTS = Path(__file__).parent / "results" / "plain.jsonl"


def made(system: System, data: Stored) -> tuple[Experiment, Feed, Any]:
    """The experiment with its first weights, and its batches."""
    experiment, settings = system.make(data.spec)
    experiment.begin(lambda: data)
    return experiment, Feed(data, experiment.draws, experiment.game.schedule, settings.batch_size, SEED, CPU), settings


def agree(system: System, data: Stored, rounds: int = 20) -> float:
    """The largest difference of any parameter after some rounds on the same batches and the same dropout.

    In float64: in float32 Adam makes full steps of gradients that are rounding noise, and the two loops round unlike.
    """
    experiment, feed, settings = made(system, data)
    other, _, _ = made(system, data)
    for game in (experiment.game, other.game):
        for module in (*game.networks.values(), *game.averages.values()):
            module.double()
        game.to(CPU)
    step = system.hand(other.game, settings, False)
    images = 0
    for played in range(rounds):
        batches = [
            [
                {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}
                for batch in turn
            ]
            for turn in feed.batches(played, images)
        ]
        reseed(CPU, SEED, "round", played)
        step([[dict(batch) for batch in turn] for turn in batches])
        reseed(CPU, SEED, "round", played)
        experiment.game.play(batches, feed.images(played))
        images += feed.images(played)
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


def engine(system: System, data: Stored) -> timing.Contestant:
    """As it is trained."""
    experiment, feed, _ = made(system, data)
    images = 0

    def rounds(count: int) -> int:
        nonlocal images
        before = images
        for _ in range(count):
            images = play_round(experiment.game, feed, images)
        return int(images - before)

    return rounds


class ByAmax(nn.Module):
    """Maxout as it is written by hand."""

    def __init__(self, layer: Maxout):
        super().__init__()
        self.linear, self.shape = layer.linear, (layer.pieces, layer.units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).view(-1, *self.shape).amax(1)  # type: ignore[no-any-return]


def by_hand(system: System, data: Stored, fused: bool, ours: bool = False) -> tuple[Experiment, Any, Round]:
    """What either loop plays: torch's dropout and a maxout by ``amax``, unless ``ours``."""
    experiment, _, settings = made(system, data)
    for network in experiment.game.networks.values():
        for inner in () if ours else list(network.modules()):
            for child, layer in inner.named_children():
                if isinstance(layer, Dropout):
                    setattr(inner, child, nn.Dropout(layer.p))
                elif isinstance(layer, Maxout):
                    setattr(inner, child, ByAmax(layer))
    return experiment, settings, system.hand(experiment.game, settings, fused)


def loop(system: System, data: Stored, fused: bool, ours: bool = False) -> timing.Contestant:
    """The loop as a user runs it: its own index calls and its own noise."""
    experiment, settings, step = by_hand(system, data, fused, ours)
    x, size, k = data.x, settings.batch_size, getattr(settings, "k", 1)
    generator = torch.Generator().manual_seed(SEED)
    order, place = torch.randperm(len(x), generator=generator), 0

    def drawn() -> dict[str, torch.Tensor]:
        return {name: prior(size, generator) for name, prior in experiment.draws.items()}

    def rounds(count: int) -> int:
        nonlocal order, place
        for _ in range(count):
            batches = []
            for _ in range(k):
                if place + size > len(order):
                    order, place = torch.randperm(len(x), generator=generator), 0
                batches.append({"x": x[order[place : place + size]].float() / 255, **drawn()})
                place += size
            step([batches, [drawn()]])
        return int(count * k * size)

    return rounds


class OneByOne(torch.utils.data.Dataset[torch.Tensor]):
    """Examples as the tutorials take them: each through a transform of its own."""

    def __init__(self, x: torch.Tensor):
        self._x = x.numpy()

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self._x[index]).float().div(255)


def tutorial(system: System, data: Stored) -> timing.Contestant:
    """The loop of the tutorials: a DataLoader of single examples, and every loss asked for."""
    experiment, settings, step = by_hand(system, data, False)
    size, k = settings.batch_size, getattr(settings, "k", 1)
    loader = torch.utils.data.DataLoader(OneByOne(data.x), size, shuffle=True, drop_last=True)
    examples: Iterator[torch.Tensor] = iter(loader)

    def drawn() -> dict[str, torch.Tensor]:
        return {name: prior(size, torch.default_generator) for name, prior in experiment.draws.items()}

    def rounds(count: int) -> int:
        nonlocal examples
        for _ in range(count):
            batches = []
            for _ in range(k):
                try:
                    x = next(examples)
                except StopIteration:
                    examples = iter(loader)
                    x = next(examples)
                batches.append({"x": x, **drawn()})
            for loss in step([batches, [drawn()]]):
                loss.item()
        return int(count * k * size)

    return rounds


def main(
    systems: tuple[str, ...] = ("a", "gan"), threads: int = 1, root: Path | None = None, keep: bool = True
) -> None:
    """Gate, then time.

    Args:
        systems: Which, of a, b, c, d and gan.
        threads: CPU threads.
        root: Folder that known data sets lie in.
        keep: Add the rows to the results.
    """
    torch.set_num_threads(threads)
    for name in systems:
        system = SYSTEMS[name]
        data = pixels(system.side, root)
        gap = agree(system, data)
        print(f"{name} ({system.text}): parameters agree to {gap:.1e} after 20 rounds")
        if gap > 1e-6:
            raise SystemExit(f"{name}: the two loops do not compute the same; no timing.")
        contestants = {
            "plain": loop(system, data, False),
            "plain, fused optimizer": loop(system, data, True),
            "tutorial": tutorial(system, data),
            "zerosum": engine(system, data),
        }
        if name == "gan":
            contestants["plain, fused, our networks"] = loop(system, data, True, ours=True)
        match = timing.play(contestants, dict.fromkeys(contestants, threads))
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
                "played": name,
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
