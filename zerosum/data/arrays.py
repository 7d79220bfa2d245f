"""Examples held in memory and gathered by one index call."""

from __future__ import annotations

import hashlib
from typing import Protocol

import torch
from torch import Tensor

from zerosum.data.spec import DataSpec
from zerosum.runtime import mix


class Gathered(Protocol):
    """Examples that are no tensor, of which some are read at a time."""

    @property
    def shape(self) -> torch.Size:
        """Of all of them, (n, ...)."""
        ...

    @property
    def device(self) -> torch.device:
        """Where those that are read come to lie."""
        ...

    def __len__(self) -> int: ...

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Those at an index (m,), along the first axis."""
        ...


class Arrays:
    """A split in memory, images as uint8.

    The order of epoch e is a permutation made from (seed, e). Without a seed the examples come in stored order, epoch
    after epoch: that is how judges read a held-out split.

    Arguments:
        spec: What the data set is.
        x: Examples, (n, ...), uint8 (then a batch is ``x / 255``) or floating point (then it is float32 as stored).
        label: (n,) int64, or None.
        seed: Of the order, or None.
        device: Where the examples live and the batches are made.
        rows: Which of the examples are this split, (m,) int64; all by default.
        fingerprint: Of the split, where it is known already.
        resident: Whether the examples are moved to the device; else they stay where they are, mapped from a file for
            instance, and those of a batch are moved.
        notices: What a user should know of them.

    Raises:
        ValueError: The examples are no tensor, and their fingerprint is not known.

    Attributes:
        x: The examples as they are kept, those of other splits included where there are ``rows``.
        label: Their labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        x: Tensor | Gathered,
        label: Tensor | None = None,
        seed: int | None = None,
        device: torch.device | None = None,
        rows: Tensor | None = None,
        fingerprint: str | None = None,
        resident: bool = True,
        notices: tuple[str, ...] = (),
    ):
        self.spec, self.notices = spec, notices
        if fingerprint is None:
            if not isinstance(x, Tensor):
                raise ValueError("examples that are no tensor come with their fingerprint.")
            fingerprint = _digest(x, label)
        self.fingerprint = fingerprint
        self.count = len(x) if rows is None else len(rows)
        self._device = device or torch.device("cpu")
        self._resident, self._rows = resident, rows
        self.x = x.to(self._device) if resident and isinstance(x, Tensor) else x
        self.label = None if label is None else label.to(self.x.device)
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    def ordered(self, seed: int | None, device: torch.device) -> Arrays:
        """The same examples in the order of another seed, with batches on a device; nothing is read again."""
        return Arrays(
            self.spec,
            self.x,
            self.label,
            seed,
            device,
            self._rows,
            self.fingerprint,
            self._resident,
            self.notices,
        )

    def batch(self, position: int, size: int) -> dict[str, Tensor]:
        """Examples ``position`` to ``position + size - 1`` of the stream; a batch may reach into the next epoch."""
        return self.gather(self.locate(position, size))

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """Where those examples lie, ``index`` (size,) int64 on the device; or those as they are stored, where they are
        not resident."""
        epoch, start = divmod(position, self.count)
        parts = []
        while size:
            take = min(size, self.count - start)
            parts.append(self._order(epoch)[start : start + take])
            size, epoch, start = size - take, epoch + 1, 0
        index = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self._resident:
            return {"index": index}
        found = {"x": self.x.index_select(0, index)}
        if self.label is not None:
            found["label"] = self.label.index_select(0, index)
        return {name: value.to(self._device) for name, value in found.items()}

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """Examples (size, ...) at an ``index``, images in [0, 1], with their ``label``."""
        if "index" in located:
            index = located["index"]
            # On a CPU several times as fast as self.x[index].
            located = {n: v.index_select(0, index) for n, v in (("x", self.x), ("label", self.label)) if v is not None}
        x = located["x"]
        return {**located, "x": x.float().div_(255) if x.dtype == torch.uint8 else x.float()}

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            if self._seed is None:
                order = torch.arange(self.count)
            else:
                generator = torch.Generator().manual_seed(mix(self._seed, "order", epoch))
                order = torch.randperm(self.count, generator=generator)
            kept = {e: o for e, o in self._orders.items() if e >= epoch - 1}  # a batch may straddle two epochs
            if self._rows is not None:
                order = self._rows[order]
            self._orders = {**kept, epoch: order.to(self.x.device)}
        return self._orders[epoch]


def _digest(x: Tensor, label: Tensor | None) -> str:
    digest = hashlib.sha256()
    for tensor in (x, label):
        if tensor is not None:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
