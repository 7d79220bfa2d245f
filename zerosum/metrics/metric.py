"""What a judge is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from zerosum.data import Data


@dataclass(frozen=True)
class Result:
    """One number with all that fixes its meaning.

    Arguments:
        metric: The full name, which is the protocol.
        value: The number.
        interval: A 95 % interval, or None where none is known.
        n: Samples judged.
        split: Of the real examples it was judged against.
        seed: Of the samples.
        features: The space distances were taken in, with a hash where it is a network.
        kind: Of a density value (exact, lower bound, estimate); None for other numbers.
    """

    metric: str
    value: float
    interval: tuple[float, float] | None
    n: int
    split: str
    seed: int
    features: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Metric:
    """A judge with its parameters fixed.

    Arguments:
        name: With its parameters: ``modes[n=2500]``.
        judge: ``(samples, reals) -> (value, 95 % interval or None)``; samples (n, ...), reals the opened split.
        n: Samples it wants.
        split: Of the data it judges against.
        features: The space it measures in.
    """

    name: str
    judge: Callable[[Tensor, Data], tuple[float, tuple[float, float] | None]]
    n: int
    split: str
    features: str | None = None

    def __call__(self, sample: Callable[[int, int], Tensor], reals: Data, seed: int = 0) -> Result:
        """Judge a model: ``sample(n, seed) -> (n, ...)``."""
        value, interval = self.judge(sample(self.n, seed), reals)
        return Result(self.name, value, interval, self.n, self.split, seed, self.features)
