"""Data sets: named fields, each with a kind; and the protocol of a split."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from zerosum.data.kinds import KINDS, LABEL, Kind
from zerosum.errors import ConfigError


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Arguments:
        name: Of the column.
        categories: Of a column of categories, in the order of their one-hot coordinates; empty for numbers.
        centre: Of numbers: what is subtracted.
        scale: Of numbers: what they are divided by.
    """

    name: str
    categories: tuple[str, ...] = ()
    centre: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Field:
    """One tensor of the batch.

    Arguments:
        kind: What its values mean.
        shape: Of one example; None where sizes differ.
        classes: Labels there are, or the size of the vocabulary.
        names: Of labels or tokens, in their order; empty where they are numbers alone.
        shares: Of a label: its share of the labelled training examples; empty where all are equal.
        partial: Whether some examples have no label, which is then -1.
        rate: Of waveforms [Hz], of video [frames/s].
        columns: Of tables.
    """

    kind: Kind
    shape: tuple[int | None, ...] = ()
    classes: int | None = None
    names: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    partial: bool = False
    rate: int | None = None
    columns: tuple[Column, ...] = ()

    def record(self) -> dict[str, Any]:
        """The field as JSON; what is empty is left out."""
        found = {name: getattr(self, name) for name in ("shape", "classes", "names", "shares", "rate")}
        found["columns"] = [dataclasses.asdict(column) for column in self.columns]
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
        plain = {name: value for name, value in plain.items() if value not in (None, [])}
        return {"kind": self.kind.name, **plain, **({"partial": True} if self.partial else {})}


@dataclass(frozen=True)
class DataSpec:
    """The description of a data set that a recipe is built for.

    It is kept with the run, so that a generator is rebuilt without the data.

    Arguments:
        name: What the data set is called.
        fields: By name; ``x`` is the main one, ``label`` its labels.
        count: Examples in the training split; None for an endless one.
    """

    name: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    count: int | None = None

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        shape: tuple[int, ...],
        classes: int | None = None,
        count: int | None = None,
        labels: tuple[str, ...] = (),
        shares: tuple[float, ...] = (),
    ) -> DataSpec:
        """Examples ``x`` of a kind with labels or without.

        Arguments:
            name: What the data set is called.
            kind: Of ``x``, by name.
            shape: Of one example.
            classes: Labels there are; None without labels.
            count: Examples in the training split.
            labels: Names of the labels.
            shares: Of the training examples, by label.

        Examples:
            >>> DataSpec.of("digits", "image", (1, 8, 8), classes=10).classes
            10
        """
        fields = {"x": Field(KINDS[kind], shape)}
        if classes is not None:
            fields["label"] = Field(LABEL, (), classes, labels, shares)
        return cls(name, fields, count)

    @property
    def x(self) -> Field:
        """The main field.

        Raises:
            ConfigError: There is none.
        """
        if "x" not in self.fields:
            raise ConfigError(f"{self.name} has no field x (it has: {', '.join(self.fields) or 'none'}).")
        return self.fields["x"]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example of ``x``.

        Raises:
            ConfigError: Its sizes differ.
        """
        sizes = tuple(size for size in self.x.shape if size is not None)
        if len(sizes) != len(self.x.shape):
            raise ConfigError(f"the examples of {self.name} differ in size; give [window=...] or [size=...] after it.")
        return sizes

    @property
    def kind(self) -> Kind:
        """Of ``x``."""
        return self.x.kind

    @property
    def classes(self) -> int | None:
        """Labels there are; None without labels."""
        return self.fields["label"].classes if "label" in self.fields else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels; empty where they are numbers alone."""
        return self.fields["label"].names if "label" in self.fields else ()

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the training examples, by label; empty where they are equal."""
        return self.fields["label"].shares if "label" in self.fields else ()

    @property
    def labelled(self) -> bool:
        """Whether every example has a label."""
        return "label" in self.fields and not self.fields["label"].partial

    def resized(self, *shape: int) -> DataSpec:
        """The same data with examples ``x`` of another shape."""
        return dataclasses.replace(self, fields={**self.fields, "x": dataclasses.replace(self.x, shape=shape)})

    def record(self) -> dict[str, Any]:
        """The spec as JSON, which :meth:`read` takes."""
        fields = {name: of.record() for name, of in self.fields.items()}
        return {"name": self.name, "fields": fields, **({} if self.count is None else {"count": self.count})}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> DataSpec:
        """The spec that :meth:`record` gave.

        Raises:
            ValueError: It is no such record.
        """
        try:
            fields = {name: _field(of) for name, of in record["fields"].items()}
            return cls(str(record["name"]), fields, None if record.get("count") is None else int(record["count"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no record of data: {error!r}.") from None


def _field(record: Mapping[str, Any]) -> Field:
    tuples = {name: tuple(record.get(name, ())) for name in ("shape", "names", "shares")}
    columns = tuple(Column(**{**of, "categories": tuple(of["categories"])}) for of in record.get("columns", ()))
    classes, rate = record.get("classes"), record.get("rate")
    partial = bool(record.get("partial", False))
    return Field(KINDS[record["kind"]], classes=classes, partial=partial, rate=rate, columns=columns, **tuples)


class Data(Protocol):
    """One split of a data set as an endless stream, addressed by position."""

    @property
    def spec(self) -> DataSpec:
        """The data set."""
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
        """Examples ``position`` to ``position + size - 1`` of the stream by field, first axis of that size: it is
        :meth:`gather` of :meth:`locate`."""
        ...

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """Inputs of :meth:`gather`, first axis of that size: an index where the examples are resident, the examples
        themselves where they are not."""
        ...

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch, by work on tensors alone: it may be recorded, and done again with others in their place."""
        ...
