"""The engine against the loops people use: ``python -m benchmarks.plain [--systems a b] [--device cuda] [--compile]``.

Contestants that play one system are timed by turns in one process, and told as ratios to the first of their class:

==============  =======================================================================================================
``same``        the same algorithm in float32. The plain loop is what a good user writes today: data resident as bytes,
                one index call, detached fakes, no number asked for, ``torch.optim``, ``nn.Dropout`` and ``amax`` as
                they come. Other rows give it torch's fused optimizer and, for ``gan``, our networks.
``tutorial``    the same again, against the loop of the tutorials: every example through Pillow and a transform of its
                own, a DataLoader, every loss asked for.
``bfloat16``    the same algorithm with products in bfloat16, against the plain loop in float32.
``shared``      another algorithm: the generated examples of a round serve both players, in the plain loop too.
==============  =======================================================================================================

All of a class compute the same updates: the engine's parameters and the plain loop's agree to 1e-6 after 20 rounds on
the same batches and the same dropout, in float64, or there is no timing. The engine plays as ``zerosum train`` does.
Rows go to ``benchmarks/results/plain.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import tyro
from PIL import Image
from torch import nn

from benchmarks import rows
from benchmarks.systems import CPU, SEED, SYSTEMS, Round, System, pixels
from zerosum.data import Arrays
from zerosum.game import Capture, Mode, Precision
from zerosum.networks import Conv2d, Dropout, LeakyReLU, Maxout
from zerosum.profiling import timing
from zerosum.profiling.flops import count_operations
from zerosum.profiling.roofline import measure_roofline
from zerosum.runtime import reseed
from zerosum.training import BatchBuilder, Experiment, Rounds


def made(system: System, data: Arrays, device: torch.device = CPU) -> tuple[Experiment, BatchBuilder, Any]:
    """The experiment with its first weights, and its batches."""
    experiment, settings = system.make(data.spec)
    experiment.begin(lambda: Arrays(data.spec, {"x": data.x.cpu()}, seed=SEED))
    experiment.game.to(device)
    builder = BatchBuilder(data, experiment.priors, experiment.game.schedule, settings.batch_size, SEED, device)
    return experiment, builder, settings


def agree(system: System, data: Arrays, rounds: int = 20) -> float:
    """The largest difference of any parameter after some rounds on the same batches and the same dropout.

    In float64: in float32 Adam makes full steps of gradients that are rounding noise, and the two loops round unlike.
    """
    experiment, builder, settings = made(system, data)
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
            for turn in builder.batches(played, images)
        ]
        reseed(CPU, SEED, "round", played)
        step([[dict(batch) for batch in turn] for turn in batches])
        reseed(CPU, SEED, "round", played)
        experiment.game.play(batches, builder.examples(played))
        images += builder.examples(played)
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


def engine(
    system: System,
    data: Arrays,
    device: torch.device = CPU,
    mode: Mode = "eager",
    precision: Precision = "float32",
    shared: bool = False,
    capture: Capture | None = None,
) -> timing.Contestant:
    """As it is trained.

    Args:
        system: What.
        data: On the device.
        device: Where.
        mode: How rounds are run.
        precision: Of products.
        shared: Whether the generated examples of a round serve both players.
        capture: Records rounds, where that is not torch's.
    """
    experiment, builder, settings = made(system, data, device)
    if shared:
        system.shared(experiment)
        builder = BatchBuilder(data, experiment.priors, experiment.game.schedule, settings.batch_size, SEED, device)
    game = experiment.game
    if capture is not None:
        game.capture = capture
    game.mode, game.precision = mode, precision
    rounds, images = Rounds(game, builder), 0

    def play(count: int) -> int:
        nonlocal images
        before, goal = images, game.round + count
        while game.round < goal:
            images = rounds.play(images, goal - game.round)
        timing.wait_for(device)
        return int(images - before)

    return play


class ByAmax(nn.Module):
    """Maxout as it is written by hand."""

    def __init__(self, layer: Maxout):
        super().__init__()
        self.linear, self.shape = layer.linear, (layer.pieces, layer.units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).view(-1, *self.shape).amax(1)  # type: ignore[no-any-return]


def by_hand(
    system: System, data: Arrays, device: torch.device, fused: bool, ours: bool = False, **how: bool
) -> tuple[Experiment, Any, Round]:
    """What either loop plays: torch's layers and layout, and a maxout by ``amax``, unless ``ours``."""
    experiment, _, settings = made(system, data, device)
    for network in experiment.game.networks.values():
        if not ours:
            network.to(memory_format=torch.contiguous_format)
        for inner in () if ours else list(network.modules()):
            for child, layer in inner.named_children():
                if isinstance(layer, Dropout):
                    setattr(inner, child, nn.Dropout(layer.p))
                elif isinstance(layer, Maxout):
                    setattr(inner, child, ByAmax(layer))
                elif isinstance(layer, Conv2d | LeakyReLU):
                    layer.__class__ = nn.Conv2d if isinstance(layer, Conv2d) else nn.LeakyReLU
    return experiment, settings, system.hand(experiment.game, settings, fused, **how)


def loop(
    system: System,
    data: Arrays,
    device: torch.device = CPU,
    fused: bool = False,
    ours: bool = False,
    autocast: bool = False,
    **how: bool,
) -> timing.Contestant:
    """The loop as a user runs it: its own index calls and its own noise."""
    experiment, settings, step = by_hand(system, data, device, fused, ours, **how)
    x, size, k = data.x, settings.batch_size, getattr(settings, "k", 1)
    generator = torch.Generator(device).manual_seed(SEED)
    order, place = torch.randperm(len(x), generator=generator, device=device), 0

    def drawn() -> dict[str, torch.Tensor]:
        return {name: prior(size, generator) for name, prior in experiment.priors.items()}

    def rounds(count: int) -> int:
        nonlocal order, place
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            for _ in range(count):
                batches = []
                for _ in range(k):
                    if place + size > len(order):
                        order, place = torch.randperm(len(x), generator=generator, device=device), 0
                    batches.append({"x": x[order[place : place + size]].float() / 255, **drawn()})
                    place += size
                step([batches, [drawn()]])
        timing.wait_for(device)
        return int(count * k * size)

    return rounds


class OneByOne(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Examples as the tutorials take them: each a Pillow image, through a transform of its own."""

    def __init__(self, x: torch.Tensor):
        self._x, self._side = x.cpu().squeeze(1).numpy(), x.shape[-1]

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        # Step by step what torchvision's Resize, ToTensor and Normalize do to one image.
        image = Image.fromarray(self._x[index].copy())
        if image.size != (self._side, self._side):
            image = image.resize((self._side, self._side), Image.Resampling.BILINEAR)
        x = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(self._side, self._side, 1)
        x = x.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255).clone()
        mean, std = (torch.as_tensor([0.5], dtype=x.dtype, device=x.device) for _ in range(2))
        if (std == 0).any():
            raise ValueError("a deviation of 0 leaves nothing to divide by.")
        return x.sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1)), 0


def tutorial(system: System, data: Arrays, device: torch.device = CPU) -> timing.Contestant:
    """The loop of the tutorials: a DataLoader of single examples, and every loss asked for."""
    experiment, settings, step = by_hand(system, data, device, False)
    size, k = settings.batch_size, getattr(settings, "k", 1)
    loader = torch.utils.data.DataLoader(OneByOne(data.x), size, shuffle=True, drop_last=True)
    examples = iter(loader)
    generator = torch.Generator(device).manual_seed(SEED)

    def drawn() -> dict[str, torch.Tensor]:
        return {name: prior(size, generator) for name, prior in experiment.priors.items()}

    def rounds(count: int) -> int:
        nonlocal examples
        for _ in range(count):
            batches = []
            for _ in range(k):
                try:
                    x, _ = next(examples)
                except StopIteration:
                    examples = iter(loader)
                    x, _ = next(examples)
                batches.append({"x": x.to(device).add(1).div(2), **drawn()})  # the systems take images in [0, 1]
            for loss in step([batches, [drawn()]]):
                loss.item()
        return int(count * k * size)

    return rounds


def classes(
    name: str, data: Arrays, device: torch.device, modes: list[Mode], capture: Capture | None = None
) -> dict[str, dict[str, timing.Contestant]]:
    """The contestants of each class, the one they are measured by first.

    Args:
        name: Of the system.
        data: On the device.
        device: Where.
        modes: Of the engine, eager first.
        capture: Records rounds in mode graph, where that is not torch's.
    """
    system = SYSTEMS[name]

    def ours(precision: Precision = "float32", shared: bool = False) -> dict[str, timing.Contestant]:
        label = "zerosum, by turns" if shared else "zerosum"
        return {f"{label}, {mode}": engine(system, data, device, mode, precision, shared, capture) for mode in modes}

    same = {"plain": loop(system, data, device), "plain, fused optimizer": loop(system, data, device, fused=True)}
    if name == "gan":
        same["plain, fused, our networks"] = loop(system, data, device, fused=True, ours=True)
    found = {
        "same": {**same, **ours()},
        "tutorial": {"tutorial": tutorial(system, data, device), **ours()},
        "bfloat16": {
            "plain": loop(system, data, device),
            "plain, autocast": loop(system, data, device, fused=True, autocast=True),
            **ours("bfloat16"),
        },
    }
    if system.shares:
        found["shared"] = {"plain": loop(system, data, device, reuse=True), **ours(shared=True)}
    return found


def main(
    systems: tuple[str, ...] = ("a", "b", "c", "d", "gan"),
    only: tuple[str, ...] = (),
    threads: int = 1,
    device: str = "cpu",
    compile: bool = False,
    turns: int = 40,
    seconds: float = 0.12,
    root: Path | None = None,
    keep: bool = True,
) -> None:
    """Gate, then time.

    Args:
        systems: Which, of a, b, c, d and gan.
        only: Classes; all of them where none is given.
        threads: CPU threads.
        device: Where; on cuda rounds are recorded too.
        compile: Compile rounds too, which takes a minute for each.
        turns: Of every contestant.
        seconds: Of work in each.
        root: Folder that known data sets lie in.
        keep: Add the rows to the results.
    """
    torch.set_num_threads(threads)
    where = torch.device(device)
    modes: list[Mode] = ["eager"]
    if where.type == "cuda":
        modes.append("graph")
    if compile:
        modes.append("compile")
    roofs = {precision: measure_roofline(where, precision).gflops for precision in get_args(Precision)}
    print(", ".join(f"roof in {precision} {found:,.0f} GFLOP/s" for precision, found in roofs.items()))
    for name in systems:
        for row in measure(name, where, modes, roofs, only, turns, seconds, root):
            row["threads"] = threads
            tell(row)
            if keep:
                rows.keep("plain", row)


def measure(
    name: str,
    device: torch.device,
    modes: list[Mode],
    roofs: dict[str, float],
    only: tuple[str, ...] = (),
    turns: int = 40,
    seconds: float = 0.12,
    root: Path | None = None,
    capture: Capture | None = None,
) -> Iterator[dict[str, Any]]:
    """A row of results for every class of a system."""
    system = SYSTEMS[name]
    gap = agree(system, pixels(system.side, root))
    if gap > 1e-6:
        raise SystemExit(f"{name}: parameters part by {gap:.1e} in 20 rounds; the loops do not compute the same.")
    data = pixels(system.side, root, device)
    for kind, contestants in classes(name, data, device, modes, capture).items():
        if only and kind not in only:
            continue
        images = {who: play(1) for who, play in contestants.items()}  # the first round is not like the others
        # A mode plays what eager plays; what it does cannot be counted from outside.
        flops = {who: count_operations(lambda play=play: play(1)) for who, play in contestants.items() if _counts(who)}
        match = timing.compare(contestants, dict.fromkeys(contestants, torch.get_num_threads()), turns, seconds)
        contestant_rows = {}
        for who, score in match.scores.items():
            work = flops[who if who in flops else f"{who.rpartition(', ')[0]}, eager"]
            lower = kind == "bfloat16" and who != "plain"
            share = work.flops / images[who] * score.median / 1e9 / roofs["bfloat16" if lower else "float32"]
            contestant_rows[who] = {
                "ratio": [score.ratio, score.low, score.high],
                "images_per_second": score.median,
                "best": score.best,
                "cpu": score.cpu,
                "mflop_per_image": work.flops / images[who] / 1e6,
                "operators": work.operators if who in flops else None,
                "share_of_roof": share,
            }
        yield {
            "played": name,
            "class": kind,
            "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
            "gap": gap,
            "roofs": roofs,
            "contestants": contestant_rows,
            "turns": turns,
            "loads": match.loads,
            "doubts": match.doubts,
        }


def _counts(who: str) -> bool:
    return not who.endswith((", graph", ", compile"))


def tell(row: dict[str, Any]) -> None:
    """Print a class of a system as a table."""
    loads = " to ".join(f"{load:.1f}" for load in row["loads"])
    print(f"\n{row['played']} ({SYSTEMS[row['played']].text}), class {row['class']}, {row['device']}, load {loads}")
    print(f"  {'':30} {'ratio':>6} {'least':>6} {'most':>6} {'images/s':>10} {'MFLOP':>7} {'of roof':>8} {'cpu':>5}")
    for who, score in row["contestants"].items():
        ratio, low, high = score["ratio"]
        print(
            f"  {who:30} {ratio:6.2f} {low:6.2f} {high:6.2f} {score['images_per_second']:10,.0f} "
            f"{score['mflop_per_image']:7.2f} {score['share_of_roof']:8.0%} {score['cpu']:5.2f}"
        )
    for doubt in row["doubts"]:
        print(f"  no verdict: {doubt}")


if __name__ == "__main__":
    tyro.cli(main)
