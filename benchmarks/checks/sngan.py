"""Checks of ``sngan``."""

from __future__ import annotations

import torch

from benchmarks.checks.checking import Bound, played, train


def slopes(seed: int) -> dict[str, float]:
    """300 rounds on the ring: how far the largest singular values of the weights are from 1, and the slope from below.

    The power iteration follows weights that move, so the norms are also measured after passes in which they do not.
    """
    experiment = played("sngan", "ring", 300, seed)
    discriminator = experiment.game.networks.discriminator
    x = (3 * torch.randn(10_000, 2, generator=torch.Generator().manual_seed(seed))).requires_grad_()

    def largest() -> float:
        discriminator.eval()
        layers = [layer for layer in discriminator.modules() if isinstance(layer, torch.nn.Linear)]
        return max(abs(float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) - 1) for layer in layers)

    (slope,) = torch.autograd.grad(discriminator.eval()(x).sum(), x)
    moving = largest()
    discriminator.train()
    for _ in range(500):
        discriminator(x[:1])
    return {
        "largest distance of a norm from 1": round(moving, 6),
        "the same after 500 passes": round(largest(), 6),
        "largest slope": round(float(slope.norm(dim=1).max()), 4),
    }


CHECKS = {
    "sngan-slopes": slopes,
    "sngan-ring": train("sngan", "ring", 2_000),
    "sngan-digits": train("sngan", "digits", 1_500),
    "sngan-digits-convolutions": train("sngan", "digits", 1_500, networks="convolutions"),
}
ASKED = {
    "sngan-slopes": (
        Bound("largest distance of a norm from 1", most=1e-3),
        Bound("the same after 500 passes", most=1e-3),
        Bound("largest slope", most=1.0),
    )
}
