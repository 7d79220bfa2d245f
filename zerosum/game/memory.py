"""Less memory for the same numbers: a batch in parts, activations computed again when they are needed."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from zerosum.game.networks import Batch, Terms


def parts(batch: Batch, count: int) -> list[Batch]:
    """A batch cut into equal parts along its first axis; what is 0-d is about all of it and stands in each.

    Arguments:
        batch: Fields with first axis N.
        count: How many parts.

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
        count: How many micro-batches there are.

    Attributes:
        terms: Scalars by name.
        slopes: One per parameter.
    """

    def __init__(self, count: int):
        self._count = count
        self.terms: Terms = {}
        self.slopes: list[Tensor] = []

    def add(self, terms: Terms, slopes: list[Tensor]) -> None:
        """Take one more micro-batch into account."""
        if self._count == 1:
            self.terms, self.slopes = terms, slopes
            return
        for name, term in terms.items():
            share = term.detach() / self._count
            self.terms[name] = self.terms[name] + share if name in self.terms else share
        if self.slopes:
            torch._foreach_add_(self.slopes, slopes, alpha=1 / self._count)
        else:
            self.slopes = list(torch._foreach_mul(slopes, 1 / self._count))


def recompute_activations(network: nn.Module) -> None:
    """Let a network keep the inputs of its blocks alone, and compute the rest again on the way back.

    Blocks are the children of the outermost ``nn.Sequential``, or of the network itself where it is none, that have
    parameters. Dropout draws again what it drew; buffers are written by the first pass alone. The numbers do not
    change.

    Arguments:
        network: Changed in place: the ``forward`` of its blocks is wrapped. Copies of it keep it.

    References:
        | Training Deep Nets with Sublinear Memory Cost (Chen et al., 2016)
        | https://arxiv.org/abs/1604.06174
    """
    while isinstance(network, nn.Sequential) and len(network) == 1:
        network = network[0]
    for block in network.children():
        if next(block.parameters(), None) is not None and "forward" not in vars(block):
            block.forward = functools.partial(_recomputed, block)


def _recomputed(block: nn.Module, *arguments: Any, **named: Any) -> Any:
    forward = functools.partial(type(block).forward, block)
    if not torch.is_grad_enabled():
        return forward(*arguments, **named)
    from torch.utils.checkpoint import checkpoint

    contexts = functools.partial(_first_and_again, block)
    return checkpoint(forward, *arguments, use_reentrant=False, context_fn=contexts, **named)


def _first_and_again(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _Unwritten(block)


class _Unwritten(AbstractContextManager[None]):
    """Leaves the buffers of a block as they were: batch statistics have been taken once already."""

    def __init__(self, block: nn.Module):
        self._block = block

    def __enter__(self) -> None:
        self._before = [buffer.clone() for buffer in self._block.buffers()]

    def __exit__(self, *error: object) -> None:
        with torch.no_grad():
            for buffer, before in zip(self._block.buffers(), self._before, strict=True):
                buffer.copy_(before)
        del self._before
