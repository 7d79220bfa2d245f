"""Arrays of fields: a split whose examples are gathered by one index for every group of fields."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from zerosum.data.kinds import BINARY, IMAGE
from zerosum.data.spec import DataSpec
from zerosum.errors import DataError
from zerosum.runtime import mix


class Gathered(Protocol):
    """Examples that are no tensor; those of a batch are read when they are asked for."""

    @property
    def shape(self) -> torch.Size:
        """Of all of them, (n, ...)."""
        ...

    @property
    def device(self) -> torch.device:
        """Of what is read."""
        ...

    def __len__(self) -> int: ...

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Those at an index (m,), along the first axis."""
        ...


Binary = Literal["threshold", "random"]
"""Ways to make images binary: at one half, or 1 with the pixel's value as probability."""


class Arrays:
    """A split held as one array for each field.

    Fields of a group share an order, so that paired fields stay paired; unpaired domains are groups of their own. The
    order of epoch e is a permutation made from (seed, e), of other groups than the first from (seed, group, e).
    Without a seed the examples come in stored order, epoch after epoch, as metrics read a held-out split.

    Arguments:
        spec: What the data set is.
        fields: Examples of each field, (n, ...): uint8 (a batch is then ``x / 255``), floating point (then it is
            float32) or int64 (then it is as it is).
        seed: Of the order, or None.
        device: Where the examples live and the batches are made.
        rows: Which of the examples are this split, (m,) int64, for every field or by the first field of a group; all
            by default.
        fingerprint: Of the split, where it is known already.
        resident: Whether the examples are moved to the device; else they stay where they are, mapped from a file for
            instance, and those of a batch are moved.
        notices: Sentences that a user should see.
        groups: Names of fields that share an order; one group of all by default. An epoch is the largest group's.

    Raises:
        ValueError: The examples are no tensor, and their fingerprint is not known; or fields of a group differ in
            number.

    Attributes:
        x: The examples ``x`` as they are kept, those of other splits included where there are ``rows``.
        label: Their labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        fields: Mapping[str, Tensor | Gathered],
        seed: int | None = None,
        device: torch.device | None = None,
        rows: Tensor | Mapping[str, Tensor] | None = None,
        fingerprint: str | None = None,
        resident: bool = True,
        notices: tuple[str, ...] = (),
        groups: Sequence[tuple[str, ...]] = (),
    ):
        self.spec, self.notices = spec, notices
        if fingerprint is None:
            if not all(isinstance(value, Tensor) for value in fields.values()):
                raise ValueError("examples that are no tensor come with their fingerprint.")
            fingerprint = _digest({name: value for name, value in fields.items() if isinstance(value, Tensor)})
        self.fingerprint = fingerprint
        self._device = device or torch.device("cpu")
        self._resident, self._seed = resident, seed
        self._binary: Binary | None = None
        self._groups = tuple(groups) or (tuple(fields),)
        self._rows = {group: rows.get(group[0]) if isinstance(rows, Mapping) else rows for group in self._groups}
        self._counts = {group: self._count(group, fields) for group in self._groups}
        self.count = max(self._counts.values())
        self._fields: dict[str, Tensor | Gathered] = {
            name: value.to(self._device) if isinstance(value, Tensor) and (resident or value.ndim == 1) else value
            for name, value in fields.items()
        }
        self._orders: dict[tuple[tuple[str, ...], int], Tensor] = {}

    @property
    def x(self) -> Tensor | Gathered:
        """The examples ``x`` as they are kept."""
        return self._fields["x"]

    @property
    def label(self) -> Tensor | None:
        """Their labels, (n,) int64, or None."""
        label = self._fields.get("label")
        assert label is None or isinstance(label, Tensor)
        return label

    def ordered(self, seed: int | None, device: torch.device) -> Arrays:
        """The same examples in the order of another seed, with batches on a device; nothing is read again."""
        made = Arrays(
            self.spec,
            self._fields,
            seed,
            device,
            {group[0]: rows for group, rows in self._rows.items() if rows is not None},
            self.fingerprint,
            self._resident,
            self.notices,
            self._groups,
        )
        made._binary = self._binary
        return made

    def binarized(self, how: Binary) -> Arrays:
        """The same images as binary ones.

        Arguments:
            how: ``threshold`` at one half, or ``random``: 1 with the pixel's value as probability, drawn anew for
                every position in training, and once for each row in stored order.

        Raises:
            DataError: They are no images.
        """
        x = self.spec.x
        if x.kind is not IMAGE:
            raise DataError(f"[binary={how}] is of images, and {self.spec.name} holds {x.kind.name}; leave it out.")
        fields = {**self.spec.fields, "x": dataclasses.replace(x, kind=BINARY)}
        made = self.ordered(self._seed, self._device)
        made.spec, made._binary = dataclasses.replace(self.spec, fields=fields), how
        made.fingerprint = hashlib.sha256(f"{self.fingerprint} {how}".encode()).hexdigest()
        return made

    def batch(self, position: int, size: int) -> dict[str, Tensor]:
        """Examples ``position`` to ``position + size - 1`` of the stream; a batch may reach into the next epoch."""
        return self.gather(self.locate(position, size))

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """The positions of those examples, ``index`` (size,) int64 on the device, with a number for each group after
        the first; or those as they are stored, where they are not resident."""
        located: dict[str, Tensor] = {}
        for number, group in enumerate(self._groups):
            index = self._index(group, position, size)
            if number == 0 and self._binary == "random":
                located["threshold"] = self._thresholds(index, position).to(self._device)
            if self._resident:
                located[_key(number)] = index
            else:
                located |= {name: self._fields[name].index_select(0, index).to(self._device) for name in group}
        return located

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """Examples (size, ...) of every field, images in [0, 1]."""
        found: dict[str, Tensor] = {}
        for number, group in enumerate(self._groups):
            for name in group:
                # On a CPU several times as fast as self.x[index].
                index = located.get(_key(number))
                found[name] = _played(located[name] if index is None else self._fields[name].index_select(0, index))
        if self._binary is not None:
            found["x"] = (found["x"] > located.get("threshold", 0.5)).float()
        return found

    def _count(self, group: tuple[str, ...], fields: Mapping[str, Tensor | Gathered]) -> int:
        counts = {name: len(fields[name]) for name in group}
        if len(set(counts.values())) > 1:
            raise ValueError(f"fields of a group have equal numbers of examples, got {counts}.")
        rows = self._rows[group]
        return counts[group[0]] if rows is None else len(rows)

    def _index(self, group: tuple[str, ...], position: int, size: int) -> Tensor:
        count = self._counts[group]
        epoch, start = divmod(position, count)
        parts = []
        while size:
            take = min(size, count - start)
            parts.append(self._order(group, epoch)[start : start + take])
            size, epoch, start = size - take, epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _order(self, group: tuple[str, ...], epoch: int) -> Tensor:
        if (group, epoch) not in self._orders:
            count, rows = self._counts[group], self._rows[group]
            if self._seed is None:
                order = torch.arange(count)
            else:
                salt = ("order", epoch) if group == self._groups[0] else ("order", group[0], epoch)
                order = torch.randperm(count, generator=torch.Generator().manual_seed(mix(self._seed, *salt)))
            if rows is not None:
                order = rows[order]
            # A batch may straddle two epochs.
            kept = {key: o for key, o in self._orders.items() if key[0] != group or key[1] >= epoch - 1}
            self._orders = {**kept, (group, epoch): order.to(self._fields[group[0]].device)}
        return self._orders[group, epoch]

    def _thresholds(self, index: Tensor, position: int) -> Tensor:
        """Uniform numbers for every pixel: by (seed, position) in training, by the row in stored order."""
        drawn, generator = [], torch.Generator()
        places = range(position, position + len(index)) if self._seed is not None else index.tolist()
        for place in places:
            generator.manual_seed(mix(self._seed or 0, "binary", place))
            drawn.append(torch.rand(self.spec.shape, generator=generator))
        return torch.stack(drawn)


def _key(group: int) -> str:
    return "index" if group == 0 else f"index_{group}"


def _played(value: Tensor) -> Tensor:
    if value.dtype == torch.uint8:
        return value.float().div_(255)
    return value.float() if value.is_floating_point() else value


def _digest(fields: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in fields.items():
        known = name in ("x", "label")  # whose digests are those of prepared images
        digest.update(f"{'' if known else name + ' '}{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
