"""Ramps: numbers that change over training, as functions of the examples seen.

A ramp maps ``examples`` (0-d int64) to a 0-d float32 tensor, so that one compiled or captured round serves all of
training. Its horizon is its own, never the goal of the run: a shorter run is the beginning of a longer one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Ramp = Callable[[Tensor], Tensor]


def constant(value: float) -> Ramp:
    """The same number throughout.

    Examples:
        >>> constant(0.5)(torch.tensor(1000))
        tensor(0.5000)
    """
    return lambda examples: torch.full((), value, device=examples.device)


def linear(start: float, final: float, examples: float) -> Ramp:
    """From ``start`` to ``final`` in a straight line over ``examples`` examples, then ``final``.

    Arguments:
        start: Value at the beginning.
        final: Value from the horizon on.
        examples: The horizon.

    Raises:
        ValueError: The horizon is no positive number.

    Examples:
        >>> ramp = linear(0.5, 0.7, examples=1000)
        >>> ramp(torch.tensor(0)), ramp(torch.tensor(500)), ramp(torch.tensor(5000))
        (tensor(0.5000), tensor(0.6000), tensor(0.7000))
    """
    horizon = _horizon(examples)
    return lambda seen: start + (final - start) * (seen / horizon).clamp(max=1)


def exponential(start: float, factor: float, examples: float, limit: float | None = None) -> Ramp:
    """Multiplied by ``factor`` every ``examples`` examples, smoothly; never past ``limit``.

    Arguments:
        start: Value at the beginning, above 0.
        factor: The factor, above 0.
        examples: Between two multiplications by it.
        limit: Final value, if any.

    Raises:
        ValueError: A number that must be positive is not.

    Examples:
        >>> exponential(0.1, 0.5, examples=1000)(torch.tensor(2000))
        tensor(0.0250)
    """
    horizon = _horizon(examples)
    if not start > 0 or not factor > 0:
        raise ValueError(f"an exponential ramp needs positive numbers, got start={start}, factor={factor}.")

    def ramp(seen: Tensor) -> Tensor:
        value = start * torch.exp(math.log(factor) * (seen / horizon))
        if limit is None:
            return value
        return value.clamp(min=limit) if factor < 1 else value.clamp(max=limit)

    return ramp


def half_cosine(start: float, final: float, examples: float) -> Ramp:
    """From ``start`` to ``final`` along half a cosine over ``examples`` examples, then ``final``.

    Arguments:
        start: Value at the beginning.
        final: Value from the horizon on.
        examples: The horizon.

    Raises:
        ValueError: The horizon is no positive number.

    Examples:
        >>> half_cosine(2e-4, 5e-5, examples=1000)(torch.tensor(1000))
        tensor(5.0000e-05)
    """
    horizon = _horizon(examples)

    def ramp(seen: Tensor) -> Tensor:
        return final + (start - final) * (1 + torch.cos(math.pi * (seen / horizon).clamp(max=1))) / 2

    return ramp


def _horizon(examples: float) -> float:
    if not examples > 0:
        raise ValueError(f"a ramp's horizon must be a positive number of examples, got {examples}.")
    return float(examples)
