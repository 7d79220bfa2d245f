"""Autotune: the number of threads and the mode that are fastest, by short trials at the start of a fresh run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from zerosum.game import Mode
from zerosum.profiling.timing import Contestant, time_in_turns

TURNS, SECONDS = 3, 0.02
"""Turns of every contestant, and seconds of each."""

COMPILING = 60.0
"""Seconds that compiling a round takes, about, on a few cores of a CPU."""

GAIN = 0.1
"""Share of the time that compiling is expected to save at most; training must be long enough for twice its cost."""

ENOUGH = 1.05
"""Ratio below which one way is no faster than another."""


def rates(plays: Sequence[Contestant]) -> list[float]:
    """Examples a second of each contestant: the median of a few turns."""
    for play in plays:
        play(1)  # the first round makes what the others reuse
    return [statistics.median(turn.rate for turn in mine) for mine in time_in_turns(plays, TURNS, SECONDS)]


def thread_counts(most: int) -> list[int]:
    """The numbers of threads that are tried: 1, 2, 4, ... and the most.

    Examples:
        >>> thread_counts(6)
        [1, 2, 4, 6]
    """
    return sorted({*(1 << i for i in range(most.bit_length())), most})


def threads(contestants: Mapping[int, Contestant]) -> int:
    """The fewest threads with which a game is about as fast as with any.

    Arguments:
        contestants: By number of threads.
    """
    return fewest(dict(zip(contestants, rates(list(contestants.values())), strict=True)))


def fewest(measured: Mapping[int, float]) -> int:
    """The fewest threads that are about as fast as any.

    Arguments:
        measured: Examples a second by number of threads.

    Examples:
        >>> fewest({1: 100.0, 2: 103.0, 4: 60.0}), fewest({1: 100.0, 2: 180.0})
        (1, 2)
    """
    return min(number for number, rate in measured.items() if rate * ENOUGH >= max(measured.values()))


def gain(eager: Contestant, compiled: Contestant) -> float:
    """The speed of compiled rounds, in multiples of that of eager ones."""
    slow, fast = rates([eager, compiled])
    return fast / slow


def mode(
    device: str, ranks: int, traceable: bool, forecast: Callable[[], float], compiled: Callable[[], float]
) -> tuple[Mode, str]:
    """The mode of a fresh run, and the reason.

    Arguments:
        device: Of the training.
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
