"""Priors: distributions that latents (and codes, and mixing weights) are drawn from.

A prior is a function ``(n, generator) -> (n, ...)``. The generator says where the numbers come from and on which
device they live; :mod:`zerosum.training.batches` keys it by what the draw is for.
"""

from __future__ import annotations

import math
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
        """Quantile function of a coordinate, a line. u in [0, 1], any shape."""
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
        r"""Quantile function of a coordinate, :math:`\Phi^{-1}(u)`. u in (0, 1), any shape.

        Examples:
            >>> Normal(1).quantile(torch.tensor([0.5, 0.975]))
            tensor([0.0000, 1.9600])
        """
        z: Tensor = torch.special.ndtri(u)
        return z


@dataclass(frozen=True)
class TruncatedNormal:
    r"""Standard normal given that it is at most ``threshold`` from 0, in each of ``dim`` coordinates.

    The truncation trick: for a generator trained on :class:`Normal` latents, a lower threshold trades diversity for
    fidelity. A value has the quantile that :class:`Normal` draws from the same generator have in their distribution,
    so that nothing is drawn twice and samples of one seed are alike at every threshold.

    Arguments:
        dim: Coordinates.
        threshold: Positive.

    Raises:
        ValueError: The threshold is not positive.

    References:
        | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), section 3.1
        | https://arxiv.org/abs/1809.11096
    """

    dim: int
    threshold: float

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise ValueError(f"the threshold of a truncated normal must be positive, got {self.threshold}.")

    def __call__(self, n: int, generator: Generator) -> Tensor:
        return self.quantile(torch.special.ndtr(Normal(self.dim)(n, generator).double())).float()

    def quantile(self, u: Tensor) -> Tensor:
        """Quantile function of a coordinate. u in [0, 1], any shape."""
        # Both ends from the lower tail, where small probabilities keep their digits.
        below = 0.5 * math.erfc(self.threshold / math.sqrt(2))
        tail = below + (0.5 - below) * (1 - (2 * u - 1).abs())
        z: Tensor = torch.special.ndtri(tail) * -(2 * u - 1).sign()
        return z.clamp(-self.threshold, self.threshold)


@dataclass(frozen=True)
class Labels:
    """Labels 0, 1, ..., each with its share of the examples.

    Arguments:
        classes: How many there are.
        shares: How frequent each is; equally frequent where empty.

    Raises:
        ValueError: There are not as many shares as classes.

    Examples:
        >>> Labels(10)(5, torch.Generator()).dtype
        torch.int64
    """

    classes: int
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.shares and len(self.shares) != self.classes:
            raise ValueError(f"every label needs its share, got {len(self.shares)} for {self.classes} labels.")

    def __call__(self, n: int, generator: Generator) -> Tensor:
        if not self.shares:
            return torch.randint(self.classes, (n,), device=generator.device, generator=generator)
        edges = torch.tensor(self.shares, dtype=torch.float64).cumsum(0)
        u = torch.rand(n, device=generator.device, generator=generator)
        inner = (edges / edges[-1])[:-1].float().to(generator.device)
        return torch.searchsorted(inner, u, right=True)
