"""Metrics: functions of a trained model and data whose name is their protocol, and the results they give."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from zerosum.data import Data, DataSpec
from zerosum.errors import Unsupported
from zerosum.metrics.examples import spread_batches

Splits = Callable[[str], Data]
"""Opens a split of the data, in stored order."""

Interval = tuple[float, float]
"""A 95 % interval."""


class OutputLike(Protocol):
    """An output of a model, as far as a metric looks at it."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names that it reads."""
        ...

    @property
    def target(self) -> str | None:
        """The field that its result is compared with."""
        ...


class Model(Protocol):
    """A trained model, as metrics see it."""

    @property
    def spec(self) -> DataSpec:
        """The spec of its data."""
        ...

    @property
    def outputs(self) -> Mapping[str, OutputLike]:
        """Its outputs by name."""
        ...

    def sample(self, n: int, seed: int = 0, *, label: int | None = None) -> Tensor:
        """n samples (n, ...).

        Arguments:
            n: How many.
            seed: Of the latents.
            label: Of all of them; drawn by default.
        """
        ...

    def call(self, name: str, *, seed: int = 0, **fields: Any) -> Tensor | dict[str, Tensor]:
        """Any output on inputs (N, ...) by name.

        Arguments:
            name: Of the output.
            seed: Of priors that are not given.
            **fields: Its inputs.
        """
        ...

    def derive(self, batch: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """A batch of the data with those named fields that can be derived from it."""
        ...


@dataclass(frozen=True)
class Given:
    """Examples in a model's place, such as real ones; all of them are its samples.

    Arguments:
        examples: (n, ...).
        spec: What the data are.
    """

    examples: Tensor
    spec: DataSpec

    @property
    def outputs(self) -> Mapping[str, OutputLike]:
        """None by name."""
        return {}

    def sample(self, n: int, seed: int = 0, *, label: int | None = None) -> Tensor:
        """The examples, whatever their number.

        Arguments:
            n: Not looked at.
            seed: Not looked at.
            label: Must be None.

        Raises:
            Unsupported: A label is asked for.
        """
        if label is not None:
            raise Unsupported("given examples cannot be drawn by label; evaluate a model that takes labels.")
        return self.examples

    def call(self, name: str, *, seed: int = 0, **fields: Any) -> Tensor | dict[str, Tensor]:
        """No output.

        Arguments:
            name: Of an output.
            seed: Not looked at.
            **fields: Not looked at.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(f"given examples have no output {name!r}; evaluate a model.")

    def derive(self, batch: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """The batch as it is."""
        return dict(batch)


@dataclass(frozen=True)
class Measure:
    """The value of a metric for one model.

    Arguments:
        value: The number.
        interval: A 95 % interval, or None where none is known.
        facts: What else is worth keeping, by name: a chosen bandwidth, a standard error.
        n: Examples it was computed from, where that is not the metric's own number.
        features: The space it was measured in, where that depends on the data: a network trained on them.
    """

    value: float
    interval: Interval | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    n: int | None = None
    features: str | None = None


MeasureFunction = Callable[[Model, Splits, int], Measure]
"""``(model, splits, seed) -> Measure``."""


@dataclass(frozen=True)
class Result:
    """One number with all that fixes its meaning.

    Arguments:
        metric: The full name, which is the protocol.
        value: The number.
        interval: A 95 % interval, or None where none is known.
        n: Samples, or pairs.
        split: Of the real examples that they are compared with.
        seed: Of the samples.
        features: The space distances were taken in, with a hash where it is a network.
        kind: Of a density value (exact, lower bound, estimate); None for other numbers.
        data: Name of the real examples.
        subject: What was evaluated: the model, or a control such as real training images.
        facts: What else the metric found.
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
"""The data that a metric can be computed on."""


@dataclass(frozen=True)
class Metric:
    """A metric with its parameters fixed.

    Arguments:
        name: With its parameters: ``modes[n=2500]``.
        measure: ``(model, splits, seed) -> Measure``; splits open the real examples. :func:`of_samples` and
            :func:`of_pairs` make it from a function of tensors.
        n: Samples, or pairs, that it wants.
        split: Of the data it compares with.
        needs: The data it can be computed on.
        features: The space it measures in.
        kind: Of a density value.
        controls: Examples to evaluate beside a model, by name: ``(splits, n) -> samples``.
        published: Rows of tables made with this protocol or a similar one.
        output: The output of the model that it calls.
        paired: Whether it compares that output with its target.
    """

    name: str
    measure: MeasureFunction
    n: int
    split: str
    needs: Needs = "examples"
    features: str | None = None
    kind: str | None = None
    controls: Mapping[str, Callable[[Splits, int], Tensor]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    output: str = "sample"
    paired: bool = False

    def __call__(self, model: Model, splits: Splits, seed: int = 0, subject: str = "model") -> Result:
        """Evaluate a model.

        Arguments:
            model: Trained.
            splits: Opens the real examples.
            seed: Of the samples.
            subject: What is evaluated, for the record.
        """
        found = self.measure(model, splits, seed)
        return Result(
            self.name,
            found.value,
            found.interval,
            self.n if found.n is None else found.n,
            self.split,
            seed,
            found.features or self.features,
            self.kind,
            splits(self.split).spec.name,
            subject,
            dict(found.facts),
        )

    def of(self, samples: Tensor, splits: Splits, seed: int = 0, subject: str = "model") -> Result:
        """Evaluate given samples.

        Arguments:
            samples: (n, ...).
            splits: Opens the real examples.
            seed: Of the samples, for the record.
            subject: What is evaluated, for the record.
        """
        return self(Given(samples, splits(self.split).spec), splits, seed, subject)

    def control(self, name: str, splits: Splits) -> Result:
        """Evaluate one of the controls in the model's place."""
        return self.of(self.controls[name](splits, self.n), splits, subject=name)

    def incompatible(self, spec: DataSpec, outputs: Mapping[str, OutputLike] | None = None) -> str | None:
        """Why it cannot be computed; None where it can.

        Arguments:
            spec: Of the data.
            outputs: Of the model; not looked at by default.
        """
        images = spec.kind.spatial
        fits = {
            "images": images,
            "images with labels": images and spec.labelled,
            "a toy with modes": not images and spec.count is None,
            "examples": True,
        }[self.needs]
        if not fits:
            return f"{self.name} needs {self.needs}, got {spec.name} ({spec.kind.name})"
        if outputs is None:
            return None
        if self.output not in outputs:
            return f"{self.name} needs an output {self.output!r}, and this model has {', '.join(outputs) or 'none'}"
        if self.paired and outputs[self.output].target is None:
            return f"{self.name} needs a target of the output {self.output!r}, which states none"
        return None


def of_samples(function: Callable[[Tensor, Splits], Measure], n: int) -> MeasureFunction:
    """The measure of a metric of samples.

    Arguments:
        function: ``(samples (n, ...), splits) -> Measure``.
        n: Samples to draw.
    """

    def measure(model: Model, splits: Splits, seed: int) -> Measure:
        samples = model.sample(n, seed)
        found = function(samples, splits)
        return found if found.n is not None else dataclasses.replace(found, n=len(samples))

    return measure


def of_pairs(function: Callable[[Tensor, Tensor], Tensor], n: int, output: str, split: str = "test") -> MeasureFunction:
    """The measure of a metric that compares an output with its target: the mean over pairs, with its 95 % interval.

    Arguments:
        function: ``(results (m, ...), targets (m, ...)) -> (m,)``.
        n: The most pairs, from all over the split.
        output: Of the model.
        split: That inputs and targets are from.
    """

    def measure(model: Model, splits: Splits, seed: int) -> Measure:
        asked, values = model.outputs[output], []
        assert asked.target is not None, "checked by incompatible"
        for read in spread_batches(splits(split), n):
            batch = model.derive(read, {*asked.inputs, asked.target})
            if asked.target not in batch:
                raise Unsupported(
                    f"the target {asked.target!r} of {output!r} is no field of {splits(split).spec.name}."
                )
            fields = {name: value for name, value in batch.items() if name in asked.inputs}
            made = model.call(output, seed=seed, **fields)
            if not isinstance(made, Tensor):
                raise Unsupported(f"the output {output!r} returns {', '.join(made)}, of which none is compared.")
            values.append(function(made, batch[asked.target].to(made.device)).double().cpu())
        found = torch.cat(values)
        mean, error = float(found.mean()), 1.96 * float(found.std()) / math.sqrt(len(found))
        return Measure(mean, (mean - error, mean + error) if len(found) > 1 else None, n=len(found))

    return measure
