"""Timing: games or other work that is done in calls, timed in turns in one process and compared by ratios."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from zerosum.game import Game
from zerosum.training.batches import BatchBuilder
from zerosum.training.stages import Rounds

Contestant = Callable[[int], int]
"""Plays so many rounds and returns the examples they took, when they are done."""

WARMUP = 3
"""Rounds before a contestant is timed: the first ones make what the others reuse."""


@dataclass(frozen=True)
class Turn:
    """One measurement of one contestant.

    Attributes:
        amount: Examples that were taken.
        seconds: On the wall.
        cpu: Of the processor.
    """

    amount: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Examples a second."""
        return self.amount / self.seconds


@dataclass(frozen=True)
class Score:
    """The measurements of one contestant.

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
class Comparison:
    """The scores of contestants, and the state of the machine meanwhile.

    Attributes:
        scores: By name, in the order they were given.
        loads: Average load before and after.
        doubts: Reasons against a verdict; empty where there are none.
    """

    scores: dict[str, Score]
    loads: tuple[float, float]
    doubts: list[str]


def contestants(game: Game, builder: BatchBuilder, threads: Sequence[int]) -> list[Contestant]:
    """A game that is played on with each of several numbers of CPU threads.

    Arguments:
        game: On its device, in its mode; it is used up.
        builder: Makes its batches.
        threads: A contestant for each.
    """
    rounds, examples = Rounds(game, builder), 0

    def contestant(number: int) -> Contestant:
        def play(count: int) -> int:
            nonlocal examples
            torch.set_num_threads(number)
            before, goal = examples, game.round + count
            while game.round < goal:
                examples = rounds.play(examples, goal - game.round)
            wait_for(game.device)
            return examples - before

        return play

    return [contestant(number) for number in threads]


def compare(
    contestants: Mapping[str, Contestant], threads: Mapping[str, int], turns: int = 60, seconds: float = 0.12
) -> Comparison:
    """Time contestants in turns; the others are measured by the first.

    Arguments:
        contestants: By name.
        threads: CPU threads of each: one that has a single thread needs a whole processor.
        turns: Of every contestant.
        seconds: Of a turn.
    """
    before = os.getloadavg()[0]
    plays = list(contestants.values())
    measured = time_in_turns(plays, turns, rounds=[rounds_in(play, seconds) for play in plays])
    after = os.getloadavg()[0]
    scores = {}
    for name, mine in zip(contestants, measured, strict=True):
        rates = [turn.rate for turn in mine]
        ratios = [rate / first.rate for rate, first in zip(rates, measured[0], strict=True)]
        cpu = sum(turn.cpu for turn in mine) / sum(turn.seconds for turn in mine)
        scores[name] = Score(
            statistics.median(rates), max(rates), statistics.median(ratios), min(ratios), max(ratios), cpu
        )
    doubts = []
    if max(before, after) > (cores := os.cpu_count() or 1):
        doubts.append(f"the load is {max(before, after):.1f} on {cores} cores")
    for name, score in scores.items():
        if threads[name] == 1 and abs(score.cpu - 1) > 0.3:
            doubts.append(f"{name} had {score.cpu:.2f} of a processor")
    return Comparison(scores, (before, after), doubts)


def time_in_turns(
    plays: Sequence[Contestant], turns: int, seconds: float = 0.0, rounds: Sequence[int] | None = None
) -> list[list[Turn]]:
    """The turns of each contestant; the order rotates from one turn to the next.

    Arguments:
        plays: The contestants.
        turns: Of each.
        seconds: A turn takes at least; 0 for a single call.
        rounds: In a call of each contestant; 1 by default.
    """
    rounds = rounds or [1] * len(plays)
    measured: list[list[Turn]] = [[] for _ in plays]
    for turn in range(turns):
        first = turn % len(plays)
        for place in (*range(first, len(plays)), *range(first)):
            measured[place].append(time_turn(plays[place], seconds, rounds[place]))
    return measured


def time_turn(play: Contestant, seconds: float = 0.0, rounds: int = 1) -> Turn:
    """Time a contestant, call after call until the time is over; one call at least.

    Arguments:
        play: The contestant.
        seconds: Time from which no further call is made.
        rounds: In a call.
    """
    started, used, amount = time.perf_counter(), time.process_time(), play(rounds)
    while time.perf_counter() - started < seconds:
        amount += play(rounds)
    return Turn(amount, time.perf_counter() - started, time.process_time() - used)


def rounds_in(play: Contestant, seconds: float) -> int:
    """The rounds that a contestant plays in a time, at least 1; a few are played to find out.

    Arguments:
        play: The contestant.
        seconds: The time.
    """
    play(WARMUP)
    rounds = 1
    while (turn := time_turn(play, rounds=rounds)).seconds < seconds / 2:
        rounds *= 2
    return max(1, round(rounds * seconds / turn.seconds))


def wait_for(device: torch.device) -> None:
    """Return when a device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
