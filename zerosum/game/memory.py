"""Less memory for the same numbers: a batch in parts, activations computed again when they are needed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from zerosum.game.networks import Batch


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


def accumulate(total: list[Tensor] | None, slopes: Sequence[Tensor], weight: float) -> list[Tensor]:
    """The sum so far and the weighted gradients of one more part.

    Arguments:
        total: The sum, changed in place; None before the first part.
        slopes: Gradients of a part, one per parameter.
        weight: Of the part.
    """
    if total is None:
        return list(torch._foreach_mul(list(slopes), weight))
    torch._foreach_add_(total, list(slopes), alpha=weight)
    return total


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
