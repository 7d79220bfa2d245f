"""Short trials at the start of a fresh run: how many threads, and which mode, this machine plays a game fastest in."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch

from zerosum.game import Mode
from zerosum.training.batches import BatchBuilder
from zerosum.training.experiment import Experiment
from zerosum.training.stages import Rounds

TURNS, SECONDS = 3, 0.02
"""Turns of every candidate, and seconds of work in each."""

COMPILING = 60.0
"""Seconds that compiling a round takes, about, on a few cores of a CPU."""

GAIN = 0.1
"""What compiling is expected to gain at most where it gains: training must be long enough for that to pay twice."""

ENOUGH = 1.05
"""Ratio below which one way is no faster than another."""


Trial = Callable[[int], None]
"""Plays its next round, with so many threads."""


def trial(experiment: Experiment, builder: BatchBuilder) -> Trial:
    """An experiment to try things on; it is used up.

    Arguments:
        experiment: On its device, in its mode.
        builder: Makes its batches.
    """
    rounds, examples = Rounds(experiment.game, builder), 0

    def play(threads: int) -> None:
        nonlocal examples
        torch.set_num_threads(threads)
        examples = rounds.play(examples)

    return play


def rates(contestants: Sequence[Callable[[], object]]) -> list[float]:
    """Calls a second of each, by turns; the median of a few turns."""
    seen: list[list[float]] = [[] for _ in contestants]
    for play in contestants:
        play()  # the first call makes what the others reuse
    for _ in range(TURNS):
        for play, mine in zip(contestants, seen, strict=True):
            started, calls = time.perf_counter(), 0
            while calls == 0 or time.perf_counter() - started < SECONDS:
                play()
                calls += 1
            mine.append(calls / (time.perf_counter() - started))
    return [statistics.median(mine) for mine in seen]


def threads(play: Trial, most: int) -> int:
    """How many of 1, 2, 4, ... and the most a trial takes to be about as fast as with any: the fewest.

    Arguments:
        play: The trial.
        most: That may be taken.
    """
    numbers = sorted({*(1 << i for i in range(most.bit_length())), most})
    seen = dict(zip(numbers, rates([functools.partial(play, number) for number in numbers]), strict=True))
    return fewest(seen)


def fewest(seen: Mapping[int, float]) -> int:
    """The fewest threads that are about as fast as any.

    Arguments:
        seen: Rounds a second by number of threads.

    Examples:
        >>> fewest({1: 100.0, 2: 103.0, 4: 60.0}), fewest({1: 100.0, 2: 180.0})
        (1, 2)
    """
    return min(number for number, rate in seen.items() if rate * ENOUGH >= max(seen.values()))


def gain(eager: Trial, compiled: Trial, threads: int) -> float:
    """How many times as fast the compiled rounds are.

    Arguments:
        eager: A trial in mode eager.
        compiled: One in mode compile.
        threads: That both take.
    """
    slow, fast = rates([functools.partial(play, threads) for play in (eager, compiled)])
    return fast / slow


def mode(
    device: str, ranks: int, traceable: bool, forecast: Callable[[], float], compiled: Callable[[], float]
) -> tuple[Mode, str]:
    """A mode, and why.

    Arguments:
        device: What is trained on.
        ranks: Processes that train together.
        traceable: Whether all updates are rules of tensor operations.
        forecast: Plays for a second or two, and returns the seconds of training that the eager mode would take.
        compiled: Compiles, and returns how many times as fast the compiled round is; raises what the compiler raises.
    """
    if not traceable:
        return "eager", "an update rule of from_torch can be neither recorded nor traced"
    if ranks > 1:
        return "eager", f"{ranks} ranks meet in every round, which is neither recorded nor traced yet"
    if device.startswith("cuda"):
        return "graph", "recorded rounds are those of the eager mode to the bit, without the host's time"
    if device != "cpu":
        return "eager", f"there is nothing else on {device}"
    seconds = forecast()
    if seconds * GAIN < 2 * COMPILING:
        return "eager", (
            f"{seconds:,.0f} s of training are forecast, and compiling, about {COMPILING:.0f} s, pays in "
            f"{2 * COMPILING / GAIN:,.0f} s or more"
        )
    try:
        ratio = compiled()
    except Exception as error:  # whatever the compiler raises: without it training goes on
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return "eager", f"compiling failed ({reason})"
    if ratio < ENOUGH:
        return "eager", f"the compiled round was tried and is {ratio:.2f} times as fast"
    return "compile", f"the compiled round was tried and is {ratio:.2f} times as fast"
