"""The roof: what this machine does at its best, which no training on it can pass."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d

from zerosum.game import Precision
from zerosum.profiling.timing import wait_for


@dataclass(frozen=True)
class Rate:
    """Of something done again and again: GFLOP/s, or of memory GB/s.

    Attributes:
        median: Of many turns.
        best: Of them.
    """

    median: float
    best: float


@dataclass(frozen=True)
class Roofline:
    """What a machine does with so many threads in a precision.

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
        """The roof itself: the best that was seen, of products or convolutions."""
        return max(self.product.best, self.convolution.best)


def roof(device: torch.device, precision: Precision = "float32", seconds: float = 0.3) -> Roofline:
    """Measure the roof, with the threads that torch has now.

    Arguments:
        device: Of what.
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
    """What is done in a second, in thousand millions, of work that does so much in a call."""

    def turn(calls: int) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            work()
        wait_for(device)
        return time.perf_counter() - started

    turn(2)
    calls = 1
    while turn(calls) < seconds / 30:
        calls *= 2
    ends = time.perf_counter() + seconds
    rates: list[float] = []
    while not rates or time.perf_counter() < ends:
        rates.append(calls * amount / turn(calls) / 1e9)
    return Rate(statistics.median(rates), max(rates))
