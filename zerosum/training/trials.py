"""Short trials at the start of a fresh run: how many threads, and which mode, this machine plays a game fastest in."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from zerosum.game import Mode

TURNS, SECONDS = 3, 0.02
"""Turns of every candidate, and seconds of work in each."""

COMPILING = 60.0
"""Seconds that compiling a round takes, about, on a few cores of a CPU."""

GAIN = 0.1
"""What compiling is expected to gain at most where it gains: training must be long enough for that to pay twice."""

ENOUGH = 1.05
"""Ratio below which one way is no faster than another."""


def rates(contestants: Mapping[int, Callable[[], object]]) -> dict[int, float]:
    """Calls a second of each, by turns; the median of a few turns.

    Arguments:
        contestants: By what they stand for; each plays one round.
    """
    seen: dict[int, list[float]] = {name: [] for name in contestants}
    for play in contestants.values():
        play()  # the first call makes what the others reuse
    for _ in range(TURNS):
        for name, play in contestants.items():
            started, calls = time.perf_counter(), 0
            while calls == 0 or time.perf_counter() - started < SECONDS:
                play()
                calls += 1
            seen[name].append(calls / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in seen.items()}


def fewest_threads(seen: Mapping[int, float]) -> int:
    """The fewest threads that are about as fast as any.

    Arguments:
        seen: Rounds a second by number of threads.

    Examples:
        >>> fewest_threads({1: 100.0, 2: 103.0, 4: 60.0}), fewest_threads({1: 100.0, 2: 180.0})
        (1, 2)
    """
    return min(threads for threads, rate in seen.items() if rate * ENOUGH >= max(seen.values()))


def choose_mode(
    device: str, ranks: int, traceable: bool, seconds: float, gain: Callable[[], float]
) -> tuple[Mode, str]:
    """A mode, and why.

    Arguments:
        device: What is trained on.
        ranks: Processes that train together.
        traceable: Whether all updates are rules of tensor operations.
        seconds: Of training that are left, by the forecast of the eager mode.
        gain: Compiles, and returns how many times as fast the compiled round is; raises what the compiler raises.
    """
    if not traceable:
        return "eager", "an update rule of from_torch can be neither recorded nor traced"
    if ranks > 1:
        return "eager", f"{ranks} ranks meet in every round, which is neither recorded nor traced yet"
    if device.startswith("cuda"):
        return "graph", "recorded rounds are those of the eager mode to the bit, without the host's time"
    if device != "cpu":
        return "eager", f"there is nothing else on {device}"
    if seconds * GAIN < 2 * COMPILING:
        return "eager", (
            f"{seconds:,.0f} s of training are forecast, and compiling, about {COMPILING:.0f} s, pays in "
            f"{2 * COMPILING / GAIN:,.0f} s or more"
        )
    try:
        ratio = gain()
    except Exception as error:  # whatever the compiler raises: without it training goes on
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return "eager", f"compiling failed ({reason})"
    if ratio < ENOUGH:
        return "eager", f"the compiled round was tried and is {ratio:.2f} times as fast"
    return "compile", f"the compiled round was tried and is {ratio:.2f} times as fast"
