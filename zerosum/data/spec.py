"""What a data set is, as far as a recipe must know, and how it is read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

Kind = Literal["binary", "uint8", "real", "tokens", "table", "waveform"]
"""``uint8`` data are images, float32 in [0, 1], N C H W; ``real`` are points, unbounded."""


@dataclass(frozen=True)
class DataSpec:
    """What a recipe is built for; it is kept with the run, so that a generator rebuilds without the data.

    Arguments:
        name: What the data set is called.
        shape: Of one example, (C, H, W) for images.
        kind: What its values are.
        classes: How many labels there are; None without labels.
        count: Examples in the training split; None for an endless one.
        labels: What the labels are called, in their order; empty where they are numbers alone.
        shares: Of the training examples, by label; empty where they are equal.
    """

    name: str
    shape: tuple[int, ...]
    kind: Kind
    classes: int | None = None
    count: int | None = None
    labels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON has it; what is empty is left out, as runs of before there were labels do."""
        fields = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}
        return {name: value for name, value in fields.items() if value != []}


class Data(Protocol):
    """One split of a data set as an endless stream, addressed by position."""

    @property
    def spec(self) -> DataSpec:
        """What it is."""
        ...

    @property
    def fingerprint(self) -> str:
        """A digest of its content: two runs on equal fingerprints saw the same examples."""
        ...

    @property
    def count(self) -> int | None:
        """Examples in this split; None for an endless one."""
        ...

    def ordered(self, seed: int | None, device: torch.device) -> Data:
        """The same examples in the order of another seed, with batches on a device; nothing is read again.

        Arguments:
            seed: Of the order; None for the stored order.
            device: Where batches are made.
        """
        ...

    def batch(self, position: int, size: int) -> dict[str, Tensor]:
        """Examples ``position`` to ``position + size - 1`` of the stream: ``x`` (size, ...) float32 and, if there are
        classes, ``label`` (size,) int64. It is :meth:`gather` of :meth:`locate`."""
        ...

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """What those examples are made from, first axis of that size: all of a batch that the host has a say in. An
        index where the examples are resident, the examples themselves where they are not."""
        ...

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch, by work on tensors alone: it may be recorded, and done again with others in their place."""
        ...
