"""Torch's fused kernels: which there are, and what they ask of tensors."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor


@functools.cache
def has(kernel: str) -> bool:
    """Whether this torch has a kernel; they are private, and where a version lacks one the public path is taken."""
    return hasattr(torch, kernel)


def is_dense(x: Tensor) -> bool:
    """Whether a kernel may walk its memory linearly."""
    return x.is_contiguous() or (x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last))


def laid_out_like(parameters: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients in the layout of their parameters."""
    # autograd.grad may return expanded or transposed gradients (``.backward()`` would have copied them); the fused
    # kernels read them linearly, past their end if need be.
    return [
        g if g.stride() == p.stride() else torch.empty_like(p).copy_(g)
        for p, g in zip(parameters, gradients, strict=True)
    ]


def fused_sgd(
    parameters: list[Tensor],
    gradients: list[Tensor],
    velocity: list[Tensor],
    decay: float,
    rate: float | Tensor,
    skip: Tensor,
) -> None:
    """Gradient descent in place, with or without momentum.

    Arguments:
        parameters: Changed.
        gradients: One for each.
        velocity: One for each, changed; empty without momentum.
        decay: The momentum; 0 without.
        rate: Step size.
        skip: 0-d float32; 1 changes nothing.
    """
    torch._fused_sgd_(
        parameters,
        gradients,
        velocity,
        weight_decay=0.0,
        momentum=decay,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=False,  # velocity starts at 0, where torch's first step and every other agree
        grad_scale=None,
        found_inf=skip,
    )
