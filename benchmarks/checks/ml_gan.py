"""Checks of ``ml_gan``: what its costs descend at the exact discriminator, and estimation by telling apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.checks.checking import Bound, train
from zerosum.data import open_data
from zerosum.data.toys import mixture
from zerosum.losses import ADVERSARIAL, noise_contrastive, self_contrastive
from zerosum.updates import adam, step

ROUNDS, BATCH, RATE = 4_000, 1_024, 1e-2
LOG_2_PI = math.log(2 * math.pi)


def descend(theta: Tensor, loss: Callable[[int], Tensor]) -> list[float]:
    """Where Adam arrives, with a step size that falls to 0, on a loss of the images seen."""
    theta.requires_grad_()
    rule = adam(lambda images: RATE * (1 - images / (ROUNDS * BATCH)))
    state = rule.init([theta])
    for position in range(0, ROUNDS * BATCH, BATCH):
        step(rule, torch.autograd.grad(loss(position), [theta]), state, [theta], torch.tensor(position), fused=True)
    return theta.tolist()


def log_density(theta: Tensor, x: Tensor) -> Tensor:
    """Of a Gaussian, (N, 1) to (N,), by its mean, log standard deviation and, where there is a third, its constant."""
    constant = theta[2] if len(theta) > 2 else -theta[1] - LOG_2_PI / 2
    return -(x.squeeze(1) - theta[0]).square() * (-2 * theta[1]).exp() / 2 + constant


def modes(seed: int) -> dict[str, float]:
    """What an affine generator makes of two modes at -2 and 2 by either divergence."""
    figures = {}
    for cost in ("maximum_likelihood", "reverse_kl"):
        mean, std = affine(cost, seed)
        figures |= {f"mean, {cost}": round(mean, 4), f"std, {cost}": round(std, 4)}
    return figures


def affine(cost: str, seed: int) -> tuple[float, float]:
    """Mean and standard deviation it arrives at against the exact discriminator, from mean 1 and standard deviation 1.

    Not from the middle: KL(Q, P) has a local minimum there, of standard deviation 1.736, with 1.871 nats against 0.693
    at a mode.
    """
    data, draw = mixture(modes=2, spacing=4, std=0.5), torch.Generator().manual_seed(seed)
    theta = torch.tensor([1.0, 0.0])

    def loss(position: int) -> Tensor:
        x = theta[0] + theta[1].exp() * torch.randn(BATCH, 1, generator=draw)
        return ADVERSARIAL[cost].generator(data.log_density(x) - log_density(theta.detach(), x))

    mean, log_std = descend(theta, loss)
    return mean, math.exp(log_std)


def noise_contrast(seed: int) -> dict[str, float]:
    """Mean, width and constant of N(1, 0.5) fitted against a noise N(0, 2), from N(0, 1) with a constant of 0."""
    data, draw = open_data("gaussian[mean=1,std=0.5]", seed=seed), torch.Generator().manual_seed(seed)
    noise = torch.tensor([0, math.log(2)])
    theta = torch.zeros(3)

    def loss(position: int) -> Tensor:
        fake = 2 * torch.randn(BATCH, 1, generator=draw)
        terms = noise_contrastive(
            lambda x: log_density(theta, x), lambda x: log_density(noise, x), data.batch(position, BATCH)["x"], fake
        )
        return terms["real"] + terms["fake"]

    mean, log_std, constant = descend(theta, loss)
    return {
        "error of the mean": round(mean - 1, 4),
        "relative error of the std": round(math.exp(log_std) / 0.5 - 1, 4),
        "error of the constant": round(constant + math.log(0.5) + LOG_2_PI / 2, 4),
    }


def self_contrast(seed: int) -> dict[str, float]:
    """A Gaussian fitted to the two modes against itself, from N(0.5, 1): maximum likelihood has N(0, 2.0616)."""
    data, draw = open_data("mixture", seed=seed), torch.Generator().manual_seed(seed)
    theta = torch.tensor([0.5, 0.0])

    def loss(position: int) -> Tensor:
        with torch.no_grad():
            fake = theta[0] + theta[1].exp() * torch.randn(BATCH, 1, generator=draw)
        terms = self_contrastive(lambda x: log_density(theta, x), data.batch(position, BATCH)["x"], fake)
        return terms["real"] + terms["fake"]

    mean, log_std = descend(theta, loss)
    return {"mean": round(mean, 4), "std": round(math.exp(log_std), 4)}


CHECKS = {
    "ml_gan-modes": modes,
    "ml_gan-nce": noise_contrast,
    "ml_gan-sce": self_contrast,
    "ml_gan-digits": train("ml_gan", "digits", 3_000),
    "ml_gan-ring": train("ml_gan", "ring", 3_000),
    "ml_gan-ring-reverse_kl": train("ml_gan", "ring", 3_000, cost="reverse_kl"),
}
ASKED = {
    "ml_gan-modes": (
        Bound("std, maximum_likelihood", least=2),
        Bound("std, reverse_kl", most=0.6),
    )
}
