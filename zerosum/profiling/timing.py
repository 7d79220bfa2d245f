"""Side by side: contestants that do the same work are timed in turns, in one process, and only ratios are told."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Contestant = Callable[[int], int]
"""Does so many rounds and returns the examples they took, when they are done."""


@dataclass(frozen=True)
class Score:
    """Of one contestant.

    Attributes:
        median: Examples a second.
        best: In its best turn.
        ratio: The median over the turns of its rate to that of the first contestant in the same turn.
        low: Least such ratio.
        high: Largest.
        cpu: Seconds of the processor for each second on the wall.
    """

    median: float
    best: float
    ratio: float
    low: float
    high: float
    cpu: float


@dataclass(frozen=True)
class Match:
    """What came of it.

    Attributes:
        scores: By name, in the order they were given.
        loads: Average load before and after.
        doubts: Why no verdict can be given; empty where it can.
    """

    scores: dict[str, Score]
    loads: tuple[float, float]
    doubts: list[str]


def play(
    contestants: Mapping[str, Contestant], threads: Mapping[str, int], turns: int = 60, seconds: float = 0.12
) -> Match:
    """Time contestants in turns whose order rotates; the first is what the others are measured by.

    Arguments:
        contestants: By name.
        threads: That each of them uses: one that has a single one is to have a whole processor.
        turns: Of every contestant.
        seconds: Of work in each.
    """
    before = os.getloadavg()[0]
    names = list(contestants)
    amounts = {}
    for name, contestant in contestants.items():
        contestant(3)
        started, amount = time.perf_counter(), 1
        while contestant(amount) and time.perf_counter() - started < seconds / 2:
            amount *= 2
        started = time.perf_counter()
        contestant(amount)
        amounts[name] = max(1, round(amount * seconds / (time.perf_counter() - started)))
    rates: dict[str, list[float]] = {name: [] for name in names}
    wall = dict.fromkeys(names, 0.0)
    cpu = dict.fromkeys(names, 0.0)
    for turn in range(turns):
        for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
            at, used = time.perf_counter(), time.process_time()
            done = contestants[name](amounts[name])
            took = time.perf_counter() - at
            rates[name].append(done / took)
            wall[name] += took
            cpu[name] += time.process_time() - used
    after = os.getloadavg()[0]
    scores = {}
    for name in names:
        ratios = [mine / first for mine, first in zip(rates[name], rates[names[0]], strict=True)]
        scores[name] = Score(
            statistics.median(rates[name]), max(rates[name]), statistics.median(ratios), min(ratios), max(ratios),
            cpu[name] / wall[name],
        )  # fmt: skip
    doubts = []
    if max(before, after) > (cores := os.cpu_count() or 1):
        doubts.append(f"the load is {max(before, after):.1f} on {cores} cores")
    for name, score in scores.items():
        if threads[name] == 1 and abs(score.cpu - 1) > 0.3:
            doubts.append(f"{name} had {score.cpu:.2f} of a processor")
    return Match(scores, (before, after), doubts)


def wait_for(device: torch.device) -> None:
    """Return when a device has done all it was told to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
