"""Micro-batches: a batch is played in equal parts, for less memory, and the update is that of their mean."""

from __future__ import annotations

import torch
from torch import Tensor

from zerosum.game.turn import Batch, Terms


def split(batch: Batch, count: int) -> list[Batch]:
    """A batch cut into equal parts along its first axis; 0-d fields are about the whole batch and stand in each.

    Arguments:
        batch: Fields with first axis N.
        count: Number of parts.

    Raises:
        ValueError: N is no multiple of it.
    """
    if count == 1:
        return [batch]
    for name, value in batch.items():
        if value.ndim and len(value) % count:
            raise ValueError(
                f"micro-batches are equal parts of a batch: {count} do not divide the {len(value)} of {name!r}; "
                "take another number of them, or another batch size."
            )
    cut = {name: value.chunk(count) if value.ndim else (value,) * count for name, value in batch.items()}
    return [{name: values[i] for name, values in cut.items()} for i in range(count)]


class Mean:
    """The means of terms and of gradients over the micro-batches of an update; only their sums are kept.

    Arguments:
        count: Number of micro-batches.

    Attributes:
        terms: Scalars by name.
        gradients: One per parameter.
    """

    def __init__(self, count: int):
        self._count = count
        self.terms: Terms = {}
        self.gradients: list[Tensor] = []

    def add(self, terms: Terms, gradients: list[Tensor]) -> None:
        """Add the terms and gradients of one more micro-batch."""
        if self._count == 1:
            self.terms, self.gradients = terms, gradients
            return
        for name, term in terms.items():
            share = term.detach() / self._count
            self.terms[name] = self.terms[name] + share if name in self.terms else share
        if self.gradients:
            torch._foreach_add_(self.gradients, gradients, alpha=1 / self._count)
        else:
            self.gradients = list(torch._foreach_mul(gradients, 1 / self._count))
