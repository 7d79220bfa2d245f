"""Checks of ``wgan``."""

from __future__ import annotations

import torch
from scipy.stats import spearmanr
from torch import nn

from benchmarks.checks.checking import Bound, train
from zerosum.data import open_data
from zerosum.losses import wasserstein
from zerosum.networks import clip, mlp
from zerosum.updates import rmsprop, step

SHIFTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the generated Gaussian; the Wasserstein distance itself."""
SIZE = 512
"""Of a batch."""


def shift(seed: int) -> dict[str, float]:
    """A clipped critic between N(0, 1) as real and N(s, 1) as generated: what it says the distance s is, and its slope.

    The estimate is E a(x) - E a(x + s) on 40,000 fresh examples; it would be K s if the slope were -K wherever mass is.
    """
    x = open_data("gaussian[mean=0]", "test", seed=seed).batch(0, 40_000)["x"]
    critics = {s: trained(s, seed) for s in SHIFTS}
    with torch.no_grad():
        estimates = {s: float((critic(x) - critic(x + s)).mean()) for s, critic in critics.items()}
        falls = {s: float(critic(torch.zeros(1)) - critic(torch.full((1,), s))) for s, critic in critics.items()}
    constants = [estimate / s for s, estimate in estimates.items()]
    return {
        "spearman of estimate and shift": round(float(spearmanr(SHIFTS, list(estimates.values())).statistic), 4),
        "critics that fall from real to generated": sum(fall > 0 for fall in falls.values()),
        **{f"estimate / {s:g}": round(k, 5) for s, k in zip(SHIFTS, constants, strict=True)},
        "largest over smallest": round(max(constants) / min(constants), 3),
        "slope at 0 over slope at 3, s = 4": round(slope(critics[4.0], 0.0) / slope(critics[4.0], 3.0), 3),
    }


def trained(shift: float, seed: int) -> nn.Module:
    """A critic of two hidden layers after 1,000 updates of the recipe's rule, every parameter within 0.01."""
    torch.manual_seed(seed)
    real, fake = open_data("gaussian[mean=0]", seed=2 * seed), open_data("gaussian[mean=0]", seed=2 * seed + 1)
    critic, rule, project = mlp((1, 128, 128, 1), final_bias=False), rmsprop(5e-4), clip(0.01)
    parameters = list(critic.parameters())
    state = rule.init(parameters)
    for position in range(0, 1_000 * SIZE, SIZE):
        terms = wasserstein.discriminator(
            critic(real.batch(position, SIZE)["x"]), critic(fake.batch(position, SIZE)["x"] + shift)
        )
        slopes = torch.autograd.grad(terms["real"] + terms["fake"], parameters)
        step(rule, slopes, state, parameters, torch.tensor(position), fused=False)
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(project("", parameter))
    return critic


def slope(critic: nn.Module, at: float) -> float:
    """Mean slope within 0.5 of a point."""
    with torch.no_grad():
        return float(critic(torch.tensor([at + 0.5])) - critic(torch.tensor([at - 0.5])))


CHECKS = {
    "wgan-shift": shift,
    "wgan-ring": train("wgan", "ring", 5_000, latent=2),
    "wgan-ring-wider": train("wgan", "ring", 5_000, latent=2, clip=0.1),
    "wgan-digits": train("wgan", "digits", 5_000),
}
ASKED = {
    "wgan-shift": (
        Bound("spearman of estimate and shift", least=1),
        Bound("critics that fall from real to generated", least=5),
    )
}
