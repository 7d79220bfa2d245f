"""Roofline: the highest rates of this machine for products, convolutions and memory, which bound every training."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d

from zerosum.game import Precision
from zerosum.profiling.timing import rounds_in, time_in_turns, time_turn, wait_for

TURNS = 30
"""Turns of each measurement, about."""


@dataclass(frozen=True)
class Rate:
    """The rate of repeated work: GFLOP/s, or GB/s of memory.

    Attributes:
        median: Of many turns.
        best: Of them.
    """

    median: float
    best: float


@dataclass(frozen=True)
class Roofline:
    """The highest rates of a machine with a number of threads in a precision.

    Attributes:
        threads: Of the CPU.
        precision: Of the numbers.
        product: Of two matrices 1024x1024, GFLOP/s.
        convolution: 64 to 128 channels, 4x4 by steps of 2 on planes of 16x16, 64 examples, channels last, GFLOP/s.
        memory: One added in place to 64 MiB, which are read and written, GB/s.
    """

    threads: int
    precision: Precision
    product: Rate
    convolution: Rate
    memory: Rate

    @property
    def gflops(self) -> float:
        """The bound of computation: the best measurement of products and convolutions."""
        return max(self.product.best, self.convolution.best)


def measure_roofline(device: torch.device, precision: Precision = "float32", seconds: float = 0.3) -> Roofline:
    """Measure the roofline, with the threads that torch has now.

    Arguments:
        device: To measure.
        precision: ``float32`` or ``bfloat16``.
        seconds: For each of its three numbers.
    """
    of = {"dtype": getattr(torch, precision), "device": device}
    a, b = torch.rand(1024, 1024, **of), torch.rand(1024, 1024, **of)
    planes = torch.rand(64, 64, 16, 16, **of).to(memory_format=torch.channels_last)
    filters = torch.rand(128, 64, 4, 4, **of).to(memory_format=torch.channels_last)
    block = torch.zeros((64 << 20) // a.element_size(), **of)
    return Roofline(
        torch.get_num_threads(),
        precision,
        product=_rate(lambda: a @ b, 2 * 1024**3, device, seconds),
        convolution=_rate(
            lambda: conv2d(planes, filters, stride=2, padding=1),
            2 * (64 * 128 * 8 * 8) * (64 * 4 * 4),
            device,
            seconds,
        ),
        memory=_rate(lambda: block.add_(1), 2 * (64 << 20), device, seconds),
    )


def _rate(work: Callable[[], object], amount: int, device: torch.device, seconds: float) -> Rate:
    """The rate of work that does so much in a call, in units of 1e9 a second."""

    def play(calls: int) -> int:
        for _ in range(calls):
            work()
        wait_for(device)
        return calls

    calls = rounds_in(play, seconds / TURNS)
    turns = max(1, round(seconds / time_turn(play, rounds=calls).seconds))
    (measured,) = time_in_turns([play], turns, rounds=[calls])
    rates = [turn.rate * amount / 1e9 for turn in measured]
    return Rate(statistics.median(rates), max(rates))
