"""A trained experiment as metrics see it: samples, outputs, and what its data were."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zerosum.data import DataSpec
from zerosum.training.experiment import Experiment
from zerosum.training.outputs import Output, Returned, joined


@dataclass(frozen=True)
class Evaluated:
    """An experiment for metrics; it is a :class:`zerosum.metrics.Model`.

    Arguments:
        experiment: Trained.
        spec: What its data were.
        raw: Use the networks as last trained instead of their averages.
    """

    experiment: Experiment
    spec: DataSpec
    raw: bool = False

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Its outputs by name."""
        return {name: self.experiment.output(name) for name in self.experiment.outputs}

    def sample(self, n: int, seed: int = 0, *, label: int | None = None) -> Tensor:
        """n samples (n, ...).

        Arguments:
            n: How many.
            seed: Of the latents.
            label: Of all of them; drawn by default.
        """
        return self.experiment.sample(n, seed, self.raw, label)

    def call(self, name: str, *, seed: int = 0, **fields: Any) -> Returned:
        """Any output on inputs (N, ...) by name.

        Arguments:
            name: Of the output.
            seed: Of priors that are not given.
            **fields: Its inputs.
        """
        return joined(self.experiment.chunks(name, fields, seed, self.raw))

    def derive(self, batch: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """A batch of the data with those named fields that can be derived from it."""
        return self.experiment.with_derived(dict(batch), names)
