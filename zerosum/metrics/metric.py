"""What a judge is, and what it reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from zerosum.data import Data, DataSpec

Splits = Callable[[str], Data]
"""Opens a split of the data, in stored order."""

Interval = tuple[float, float]
"""A 95 % interval."""


@dataclass(frozen=True)
class Measure:
    """What a judge found.

    Arguments:
        value: The number.
        interval: A 95 % interval, or None where none is known.
        facts: What else is worth keeping, by name: a chosen bandwidth, a standard error.
    """

    value: float
    interval: Interval | None = None
    facts: Mapping[str, float] = field(default_factory=dict)


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
        data: Name of the real examples.
        subject: What was judged: the model, or a control such as real training images.
        facts: What else the judge found.
    """

    metric: str
    value: float
    interval: Interval | None
    n: int
    split: str
    seed: int
    features: str | None = None
    kind: str | None = None
    data: str | None = None
    subject: str = "model"
    facts: Mapping[str, float] = field(default_factory=dict)

    def minus(self, other: Result) -> tuple[float, float | None]:
        """The difference of two results of one protocol, and its standard error where both intervals are known.

        Raises:
            ValueError: The protocols, the data or the numbers of samples differ: such numbers do not compare.
        """
        for what in ("metric", "data", "n", "features", "kind"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise ValueError(
                    f"results of unlike protocols do not compare: {what} is {mine} and {theirs}; "
                    "evaluate both models with the same metric on the same data."
                )
        if self.interval is None or other.interval is None:
            return self.value - other.value, None
        errors = [(high - low) / (2 * 1.96) for low, high in (self.interval, other.interval)]
        return self.value - other.value, math.hypot(*errors)


@dataclass(frozen=True)
class Published:
    """A row of a published table.

    Arguments:
        data: Name of the data it is about.
        model: What the paper calls it.
        text: The number as printed.
        source: The paper and its table.
    """

    data: str
    model: str
    text: str
    source: str


Needs = Literal["images", "images with labels", "a toy with modes", "examples"]
"""What a judge can be asked about."""


@dataclass(frozen=True)
class Metric:
    """A judge with its parameters fixed.

    Arguments:
        name: With its parameters: ``modes[n=2500]``.
        judge: ``(samples, splits) -> Measure``; samples (n, ...), splits open the real examples.
        n: Samples it wants.
        split: Of the data it judges against.
        needs: What it can be asked about.
        features: The space it measures in.
        kind: Of a density value.
        controls: What to judge beside a model, by name: ``(splits, n) -> samples``.
        published: Rows of tables made with this protocol or a likeness of it.
    """

    name: str
    judge: Callable[[Tensor, Splits], Measure]
    n: int
    split: str
    needs: Needs = "examples"
    features: str | None = None
    kind: str | None = None
    controls: Mapping[str, Callable[[Splits, int], Tensor]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()

    def __call__(self, sample: Callable[[int, int], Tensor], splits: Splits, seed: int = 0) -> Result:
        """Judge a model: ``sample(n, seed) -> (n, ...)``."""
        return self.of(sample(self.n, seed), splits, seed)

    def of(self, samples: Tensor, splits: Splits, seed: int = 0, subject: str = "model") -> Result:
        """Judge given samples.

        Arguments:
            samples: (n, ...).
            splits: Opens the real examples.
            seed: Of the samples, for the record.
            subject: What was judged, for the record.
        """
        found = self.judge(samples, splits)
        return Result(
            self.name,
            found.value,
            found.interval,
            len(samples),
            self.split,
            seed,
            self.features,
            self.kind,
            splits(self.split).spec.name,
            subject,
            dict(found.facts),
        )

    def control(self, name: str, splits: Splits) -> Result:
        """Judge one of the controls in the model's place."""
        return self.of(self.controls[name](splits, self.n), splits, subject=name)

    def incompatible(self, spec: DataSpec) -> str | None:
        """Why it cannot judge data like these; None where it can."""
        images = spec.kind.spatial
        fits = {
            "images": images,
            "images with labels": images and bool(spec.classes),
            "a toy with modes": not images and spec.count is None,
            "examples": True,
        }[self.needs]
        return None if fits else f"{self.name} needs {self.needs}, got {spec.name} ({spec.kind.name})"
