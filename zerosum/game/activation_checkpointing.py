"""Activation checkpointing: activations are computed again in the backward pass, for less memory."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn


def enable_activation_checkpointing(network: nn.Module) -> None:
    """Let a network store the inputs of its blocks alone, and compute the other activations again in the backward pass.

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
            block.forward = functools.partial(_checkpointed, block)


def _checkpointed(block: nn.Module, *arguments: Any, **named: Any) -> Any:
    forward = functools.partial(type(block).forward, block)
    if not torch.is_grad_enabled():
        return forward(*arguments, **named)
    from torch.utils.checkpoint import checkpoint

    contexts = functools.partial(_first_and_second_pass, block)
    return checkpoint(forward, *arguments, use_reentrant=False, context_fn=contexts, **named)


def _first_and_second_pass(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _BuffersRestored(block)


class _BuffersRestored(AbstractContextManager[None]):
    """Leaves the buffers of a block as they were: the first pass has written the batch statistics already."""

    def __init__(self, block: nn.Module):
        self._block = block

    def __enter__(self) -> None:
        self._before = [buffer.clone() for buffer in self._block.buffers()]

    def __exit__(self, *error: object) -> None:
        with torch.no_grad():
            for buffer, before in zip(self._block.buffers(), self._before, strict=True):
                buffer.copy_(before)
        del self._before
