"""Weak scaling: ``python -m benchmarks.ranks [--systems a c]``, one rank beside two that play twice the batch.

Every turn is a start of its own: one process alone, then two that meet in every round (gloo), each on one thread and
playing the same batch size a rank; images a second of all ranks together are told as a ratio of the single rank's.
For schedules that make all gradients first there is also the ratio of averaging them while the next are made to
averaging them one after the other. Rows are added to ``benchmarks/results/ranks.jsonl``.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
import tyro

from benchmarks import rows
from benchmarks.systems import CPU, SEED, SYSTEMS, pixels
from zerosum.game import schedules
from zerosum.training import BatchBuilder, play_round


def at_once(tensors: Any) -> Any:
    """Averages that are waited for where they are begun."""
    arrived = schedules.mean_over_ranks(tensors)
    return lambda: arrived


def rank(number: int, count: int, name: str, overlap: bool, seconds: float, folder: str, root: Path | None) -> None:
    """Play for some seconds beside the other ranks; rank 0 writes images a second of all."""
    torch.set_num_threads(1)
    if count > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=number, world_size=count)
    if not overlap:
        schedules.start_mean_over_ranks = at_once
    system = SYSTEMS[name]
    data = pixels(system.side, root)
    experiment, settings = system.make(data.spec)
    experiment.begin(lambda: data)
    size = settings.batch_size * count
    builder = BatchBuilder(data, experiment.priors, experiment.game.schedule, size, SEED, CPU)
    images, rounds = 0, 0
    for _ in range(5):
        images = play_round(experiment.game, builder, images)
    if count > 1:
        dist.barrier()
    before, started = images, time.perf_counter()
    goes_on = True
    while goes_on:
        images = play_round(experiment.game, builder, images)
        rounds += 1
        if rounds % 5 == 0:
            more = torch.tensor(float(time.perf_counter() - started < seconds))
            if count > 1:
                dist.broadcast(more, 0)
            goes_on = bool(more)
    if number == 0:
        rate = (images - before) / (time.perf_counter() - started)
        Path(folder, "rate").write_text(str(rate))
    if count > 1:
        dist.destroy_process_group()


def rate(count: int, name: str, overlap: bool, seconds: float, root: Path | None) -> float:
    """Images a second of so many ranks together."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(rank, (count, name, overlap, seconds, folder, root), nprocs=count)
        return float(Path(folder, "rate").read_text())


def main(
    systems: tuple[str, ...] = ("a", "b", "c", "gan"),
    turns: int = 9,
    seconds: float = 2.0,
    root: Path | None = None,
    keep: bool = True,
) -> None:
    """Time one rank and two by turns.

    Args:
        systems: Which, of a, b, c, d and gan.
        turns: Of each.
        seconds: Of work in a turn.
        root: Folder that known data sets lie in.
        keep: Add the rows to the results.
    """
    for name in systems:
        data = pixels(SYSTEMS[name].side, root)
        experiment, _ = SYSTEMS[name].make(data.spec)
        ways = {"one rank": (1, True), "two ranks": (2, True)}
        if experiment.game.schedule.order is schedules.simultaneous(*experiment.game.schedule.turns).order:
            ways["two ranks, averaged at once"] = (2, False)
        seen: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(turns):
            order = list(ways)
            for way in order[turn % len(order) :] + order[: turn % len(order)]:
                seen[way].append(rate(ways[way][0], name, ways[way][1], seconds, root))
        ratios = {
            way: [mine / one for mine, one in zip(rates, seen["one rank"], strict=True)] for way, rates in seen.items()
        }
        row = {
            "played": name,
            "ratios": {way: [statistics.median(r), min(r), max(r)] for way, r in ratios.items()},
            "images_per_second": {way: statistics.median(rates) for way, rates in seen.items()},
            "turns": turns,
        }
        print(
            f"{name}: " + ", ".join(f"{way} x{r[0]:.2f} ({r[1]:.2f} to {r[2]:.2f})" for way, r in row["ratios"].items())
        )
        if keep:
            rows.keep("ranks", row)


if __name__ == "__main__":
    tyro.cli(main)
