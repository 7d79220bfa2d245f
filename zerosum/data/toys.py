"""Toy distributions with an exact density: Gaussian mixtures on a line, a ring, a grid."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.data.spec import DataSpec
from zerosum.runtime import mix

BLOCK = 4096
"""Examples drawn under one seed."""


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    r"""Equal parts of isotropic Gaussians, :math:`p(x) = \frac1m \sum_i N(x; \mu_i, \sigma^2 I)`.

    Arguments:
        means: The modes :math:`\mu_i`, (m, d) float64.
        std: The standard deviation :math:`\sigma` of each.
    """

    means: Tensor
    std: float

    def log_density(self, x: Tensor) -> Tensor:
        """Exact log density in nats, (N, d) -> (N,), in float64.

        Examples:
            >>> gaussian(mean=0, std=1).log_density(torch.zeros(1, 1))
            tensor([-0.9189], dtype=torch.float64)
        """
        modes, dim = self.means.shape
        squares = (x.double().unsqueeze(1) - self.means.to(x.device)).square().sum(2)
        norm = dim / 2 * math.log(2 * math.pi * self.std**2) + math.log(modes)
        return torch.logsumexp(-squares / (2 * self.std**2), 1) - norm

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """n examples, (n, d) float32, and the mode each comes from, (n,) int64."""
        modes, dim = self.means.shape
        label = torch.randint(modes, (n,), generator=generator)
        noise = torch.randn(n, dim, generator=generator, dtype=torch.float64)
        return (self.means[label] + self.std * noise).float(), label


def gaussian(mean: float = 3.0, std: float = 1.0) -> GaussianMixture:
    """One Gaussian on the line."""
    return GaussianMixture(torch.tensor([[mean]], dtype=torch.float64), std)


def mixture(modes: int = 2, spacing: float = 4.0, std: float = 0.5) -> GaussianMixture:
    """Equally spaced Gaussians on the line, centred on 0.

    Arguments:
        modes: How many.
        spacing: From mean to mean.
        std: Of each.
    """
    line = spacing * (torch.arange(modes, dtype=torch.float64) - (modes - 1) / 2)
    return GaussianMixture(line.unsqueeze(1), std)


def ring(modes: int = 8, radius: float = 2.0, std: float = 0.02) -> GaussianMixture:
    """Gaussians equally spaced on a circle, the first at (radius, 0).

    The defaults are those of Unrolled Generative Adversarial Networks (Metz et al., 2016).

    Arguments:
        modes: How many.
        radius: Of the circle.
        std: Of each.
    """
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return GaussianMixture(radius * torch.stack([angle.cos(), angle.sin()], 1), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> GaussianMixture:
    """A square grid of side x side Gaussians in the plane, centred on 0.

    Arguments:
        side: Modes in a row.
        spacing: From mean to mean.
        std: Of each.
    """
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return GaussianMixture(torch.cartesian_prod(line, line), std)


class Toy:
    """An endless stream of examples of a mixture; block b is drawn from (seed, split, b).

    Arguments:
        name: With its parameters, ``ring[modes=8, radius=2.0, std=0.02]``.
        mixture: What it draws from.
        split: Splits are independent streams.
        seed: Of the stream; None reads that of seed 0.
        device: Where batches are made.
    """

    count = None

    def __init__(self, name: str, mixture: GaussianMixture, split: str, seed: int | None, device: torch.device):
        modes, dim = mixture.means.shape
        self.mixture = mixture
        self.spec = DataSpec.of(name, "points", (dim,), classes=modes if modes > 1 else None)
        self.fingerprint = hashlib.sha256(f"{name} {split}".encode()).hexdigest()
        self._key = (seed or 0, "toy", split)
        self._device = device
        self._blocks: dict[int, tuple[Tensor, Tensor]] = {}

    def ordered(self, seed: int | None, device: torch.device) -> Toy:
        """The stream of another seed, with batches on a device."""
        return Toy(self.spec.name, self.mixture, self._key[2], seed, device)

    def batch(self, position: int, size: int) -> dict[str, Tensor]:
        """Examples ``position`` to ``position + size - 1`` of the stream, with the mode as label."""
        return self.gather(self.locate(position, size))

    def gather(self, located: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch, which is what was located."""
        return located

    def locate(self, position: int, size: int) -> dict[str, Tensor]:
        """The examples themselves."""
        first, last = position // BLOCK, (position + size - 1) // BLOCK
        blocks = [self._block(b) for b in range(first, last + 1)]
        cut = slice(position - first * BLOCK, position - first * BLOCK + size)
        x, label = (torch.cat(parts)[cut] if len(blocks) > 1 else parts[0][cut] for parts in zip(*blocks, strict=True))
        return {"x": x, "label": label} if self.spec.classes else {"x": x}

    def _block(self, number: int) -> tuple[Tensor, Tensor]:
        if number not in self._blocks:
            generator = torch.Generator().manual_seed(mix(*self._key, number))
            x, label = self.mixture.sample(BLOCK, generator)
            kept = {b: v for b, v in self._blocks.items() if b >= number - 1}
            self._blocks = {**kept, number: (x.to(self._device), label.to(self._device))}
        return self._blocks[number]
