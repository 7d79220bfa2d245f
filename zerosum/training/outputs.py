"""Outputs: the functions that a trained model can be asked for, with the inputs they read and what they return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zerosum.game import Batch, Networks

Returned = Tensor | dict[str, Tensor]
"""One tensor, first axis N, or several by name."""

OutputFunction = Callable[[Networks, Batch], Tensor | Mapping[str, Tensor]]
"""``(networks, batch) -> tensor or dict of tensors``; images are in [0, 1]."""

CHUNK = 500
"""Examples that an output sees together, so that any number needs bounded memory."""

DensityKind = Literal["exact", "lower bound", "upper bound", "estimate", "unnormalized"]
"""Relation of the number to the log density of the model; kinds never mix in one ranking."""


@dataclass(frozen=True)
class Density:
    """The kind of number that a ``log_prob`` output returns.

    Arguments:
        kind: How they relate to the model's log density.
        measure: ``mass`` for discrete examples, ``density`` for continuous ones.
        method: How they are computed, in words: ``"change of variables"``, ``"ELBO k=1"``.
    """

    kind: DensityKind
    measure: Literal["mass", "density"]
    method: str


@dataclass(frozen=True)
class LogProb:
    """Log densities with what they are.

    Attributes:
        value: Nats, one for each example, (N,) float64.
        kind: How they relate to the model's log density.
        measure: ``mass`` or ``density``.
        method: How they were computed.
    """

    value: Tensor
    kind: DensityKind
    measure: Literal["mass", "density"]
    method: str


@dataclass(frozen=True)
class Output:
    """Something a trained model can be asked for.

    Arguments:
        function: ``(networks, batch) -> tensor or dict of tensors``, first axis N. It writes no buffers.
        inputs: Names it reads from the batch: priors, fields of the data, or what :attr:`Experiment.derive` makes of
            fields. Priors that are not given are drawn.
        returns: The field that the tensor is one of, such as ``x``; of a dict the fields of its entries by name. It is
            no field of the data where it is anything else: ``z``, ``score``.
        target: The field, or derived field, that the result is compared with.
        chunk: Examples seen together. It belongs to the recipe, because bits depend on it.
        density: What the numbers are; of ``log_prob`` alone, which must state it.

    Raises:
        ValueError: The chunk is not positive, or a name is no string.

    Examples:
        >>> def colour(net, batch):
        ...     return net.painter(batch["grey"], batch["z"])
        >>> Output(colour, inputs=("grey", "z"), target="x").returns
        'x'
    """

    function: OutputFunction
    inputs: tuple[str, ...] = ("z",)
    returns: str | Mapping[str, str] = "x"
    target: str | None = None
    chunk: int = CHUNK
    density: Density | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.inputs, tuple) and all(isinstance(name, str) for name in self.inputs)):
            raise ValueError(f'inputs of an output are names such as ("x", "z"), got {self.inputs!r}.')
        if not (isinstance(self.chunk, int) and self.chunk > 0):
            raise ValueError(f"chunk of an output must be a whole number above 0, got {self.chunk!r}.")

    def of_field(self, found: Returned, fields: Iterable[str]) -> Tensor | None:
        """The part of a result that is one of the fields; None where none is.

        Arguments:
            found: What the output returned.
            fields: Names of fields.
        """
        fields = set(fields)
        if isinstance(found, Tensor):
            return found if self.returns in fields else None
        named = self.returns if isinstance(self.returns, Mapping) else {}
        return next((value for name, value in found.items() if named.get(name) in fields), None)

    def returns_one_of(self, fields: Iterable[str]) -> bool:
        """Whether it returns one of the fields."""
        returned = {self.returns} if isinstance(self.returns, str) else set(self.returns.values())
        return bool(returned & set(fields))


USUAL: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "sample": (("z",), "x", None),
    "encode": (("x",), "z", None),
    "decode": (("z",), "x", None),
    "reconstruct": (("x",), "x", "x"),
    "log_prob": (("x",), "log_prob", None),
    "score": (("x",), "score", None),
    "apply": (("x",), "x", None),
    "complete": (("x", "mask"), "x", "x"),
    "classify": (("x",), "logits", None),
}
"""Inputs, what is returned and target of the usual outputs, for those given as plain functions."""


def as_output(name: str, given: Output | OutputFunction, priors: Iterable[str]) -> Output:
    """An output; a plain function becomes one with the inputs that are usual for its name.

    Arguments:
        name: Of the output; one that is not usual is taken for one like ``apply``.
        given: An output, or a function of networks and batch.
        priors: Of the experiment; a ``sample`` without a latent ``z`` reads all of them.
    """
    if isinstance(given, Output):
        return given
    inputs, returns, target = USUAL.get(name, USUAL["apply"])
    priors = tuple(priors)
    if name == "sample" and "z" not in priors:
        inputs = priors
    return Output(given, inputs, returns, target)


def check_returned(name: str, output: Output, found: object) -> Returned:
    """See that an output returned tensors, and the entries that it names.

    Arguments:
        name: Of the output.
        output: It.
        found: What its function returned.

    Raises:
        ValueError: It did not.
    """
    if isinstance(found, Tensor):
        if isinstance(output.returns, str):
            return found
        raise ValueError(f"the output {name!r} must return a dict with {', '.join(output.returns)}, got a tensor.")
    if not (isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values())):
        raise ValueError(f"the output {name!r} must return a tensor or a dict of them, got {type(found).__name__}.")
    missing = [] if isinstance(output.returns, str) else [entry for entry in output.returns if entry not in found]
    if missing:
        raise ValueError(f"the output {name!r} must return an entry {missing[0]!r} (it has: {', '.join(found)}).")
    return dict(found)


def joined(parts: Iterable[Returned]) -> Returned:
    """Results of chunks as one."""
    first, *others = parts
    if isinstance(first, Tensor):
        return torch.cat([first, *(other for other in others if isinstance(other, Tensor))])
    tables = [first, *(other for other in others if isinstance(other, dict))]
    return {name: torch.cat([table[name] for table in tables]) for name in first}


def rows(fields: Mapping[str, Tensor]) -> int:
    """Examples in a batch; fields of no axis are about all of it.

    Raises:
        ValueError: None of its fields has a first axis, or two have different ones.
    """
    counts = {name: len(value) for name, value in fields.items() if value.ndim}
    if len(set(counts.values())) != 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
        raise ValueError(f"fields of a batch need one number of examples, got {told}.")
    return next(iter(counts.values()))
