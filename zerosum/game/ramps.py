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


def linear(first: float, last: float, examples: float) -> Ramp:
    """From ``first`` to ``last`` in a straight line over ``examples`` examples, then ``last``.

    Arguments:
        first: Value at the beginning.
        last: Value from the horizon on.
        examples: The horizon.

    Raises:
        ValueError: The horizon is no positive number.

    Examples:
        >>> ramp = linear(0.5, 0.7, examples=1000)
        >>> ramp(torch.tensor(0)), ramp(torch.tensor(500)), ramp(torch.tensor(5000))
        (tensor(0.5000), tensor(0.6000), tensor(0.7000))
    """
    horizon = _horizon(examples)
    return lambda seen: first + (last - first) * (seen / horizon).clamp(max=1)


def exponential(first: float, factor: float, examples: float, limit: float | None = None) -> Ramp:
    """Multiplied by ``factor`` every ``examples`` examples, smoothly; never past ``limit``.

    Arguments:
        first: Value at the beginning, above 0.
        factor: What it is multiplied by, above 0.
        examples: How often.
        limit: Where it ends.

    Raises:
        ValueError: A number that must be positive is not.

    Examples:
        >>> exponential(0.1, 0.5, examples=1000)(torch.tensor(2000))
        tensor(0.0250)
    """
    horizon = _horizon(examples)
    if not first > 0 or not factor > 0:
        raise ValueError(f"an exponential ramp needs positive numbers, got first={first}, factor={factor}.")

    def ramp(seen: Tensor) -> Tensor:
        value = first * torch.exp(math.log(factor) * (seen / horizon))
        if limit is None:
            return value
        return value.clamp(min=limit) if factor < 1 else value.clamp(max=limit)

    return ramp


def half_cosine(first: float, last: float, examples: float) -> Ramp:
    """From ``first`` to ``last`` along half a cosine over ``examples`` examples, then ``last``.

    Arguments:
        first: Value at the beginning.
        last: Value from the horizon on.
        examples: The horizon.

    Raises:
        ValueError: The horizon is no positive number.

    Examples:
        >>> half_cosine(2e-4, 5e-5, examples=1000)(torch.tensor(1000))
        tensor(5.0000e-05)
    """
    horizon = _horizon(examples)

    def ramp(seen: Tensor) -> Tensor:
        return last + (first - last) * (1 + torch.cos(math.pi * (seen / horizon).clamp(max=1))) / 2

    return ramp


def _horizon(examples: float) -> float:
    if not examples > 0:
        raise ValueError(f"a ramp's horizon must be a positive number of examples, got {examples}.")
    return float(examples)
