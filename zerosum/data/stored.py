"""Examples held in memory and gathered by one index call."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from zerosum.data.spec import DataSpec
from zerosum.runtime import mix


class Stored:
    """A split in memory, images as uint8.

    The order of epoch e is a permutation made from (seed, e). Without a seed the examples come in stored order, epoch
    after epoch: that is how judges read a held-out split.

    Arguments:
        spec: What the data set is.
        x: Examples, (n, ...), uint8 (then a batch is ``x / 255``) or floating point (then it is float32 as stored).
        label: (n,) int64, or None.
        seed: Of the order, or None.
        device: Where the examples live and the batches are made.

    Attributes:
        x: The examples as they are kept.
        label: Their labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        x: Tensor,
        label: Tensor | None = None,
        seed: int | None = None,
        device: torch.device | None = None,
    ):
        self.spec = spec
        self.fingerprint = _digest(x, label)
        self.count = len(x)
        self._device = device or torch.device("cpu")
        self.x = x.to(self._device)
        self.label = None if label is None else label.to(self._device)
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    def batch(self, position: int, size: int) -> dict[str, Tensor]:
        """Examples ``position`` to ``position + size - 1`` of the stream; a batch may reach into the next epoch."""
        return self.gather(self.locate(position, size))

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """Where those examples lie: ``index`` (size,) int64, on the device."""
        epoch, start = divmod(position, self.count)
        parts = []
        while size:
            take = min(size, self.count - start)
            parts.append(self._order(epoch)[start : start + take])
            size, epoch, start = size - take, epoch + 1, 0
        return {"index": parts[0] if len(parts) == 1 else torch.cat(parts)}

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """Examples (size, ...) at an ``index``, images in [0, 1], with their ``label``."""
        index = located["index"]
        x = self.x.index_select(0, index)  # on a CPU several times as fast as self.x[index]
        batch = {"x": x.float().div_(255) if x.dtype == torch.uint8 else x.float()}
        if self.label is not None:
            batch["label"] = self.label.index_select(0, index)
        return batch

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            if self._seed is None:
                order = torch.arange(self.count)
            else:
                generator = torch.Generator().manual_seed(mix(self._seed, "order", epoch))
                order = torch.randperm(self.count, generator=generator)
            kept = {e: o for e, o in self._orders.items() if e >= epoch - 1}  # a batch may straddle two epochs
            self._orders = {**kept, epoch: order.to(self._device)}
        return self._orders[epoch]


def _digest(x: Tensor, label: Tensor | None) -> str:
    digest = hashlib.sha256()
    for tensor in (x, label):
        if tensor is not None:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
