"""Priors: laws that latents (and codes, and mixing weights) are drawn from.

A prior is a function ``(n, generator) -> (n, ...)``. The generator says where the numbers come from and on which
device they live; :mod:`zerosum.training.feed` keys it by what the draw is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

Prior = Callable[[int, Generator], Tensor]
"""Draws n latents, first axis n."""


@dataclass(frozen=True)
class Uniform:
    """Uniform on [low, high) in each of ``dim`` coordinates.

    Arguments:
        low: Least value.
        high: Largest, not drawn.
        dim: Coordinates.

    Examples:
        >>> Uniform(-1, 1, 100)(5, torch.Generator()).shape
        torch.Size([5, 100])
    """

    low: float
    high: float
    dim: int

    def __call__(self, n: int, generator: Generator) -> Tensor:
        return torch.empty(n, self.dim, device=generator.device).uniform_(self.low, self.high, generator=generator)

    def quantile(self, u: Tensor) -> Tensor:
        """Where a coordinate's distribution function is u: its inverse, a line. u in [0, 1], any shape."""
        return self.low + (self.high - self.low) * u


@dataclass(frozen=True)
class Normal:
    """Standard normal in each of ``dim`` coordinates.

    Arguments:
        dim: Coordinates.
    """

    dim: int

    def __call__(self, n: int, generator: Generator) -> Tensor:
        return torch.randn(n, self.dim, device=generator.device, generator=generator)

    def quantile(self, u: Tensor) -> Tensor:
        r"""Where a coordinate's distribution function is u: its inverse, :math:`\Phi^{-1}(u)`. u in (0, 1), any shape.

        Examples:
            >>> Normal(1).quantile(torch.tensor([0.5, 0.975]))
            tensor([0.0000, 1.9600])
        """
        z: Tensor = torch.special.ndtri(u)
        return z
