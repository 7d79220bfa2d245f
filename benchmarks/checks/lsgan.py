"""Checks of ``lsgan``."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.checks.checking import Bound, Check, train
from zerosum.data import open_data
from zerosum.losses import ADVERSARIAL
from zerosum.networks import mlp
from zerosum.updates import adam, step

CODINGS = {"least_squares": (0.0, 1.0), "least_squares_pearson": (-1.0, 1.0)}
"""Targets of generated and real examples."""


def regression(coding: str) -> Check:
    """A critic regressed on N(0, 1) as real against N(1, 1) as generated, and its greatest distance from the optimum.

    The optimum is (b P + a Q) / (P + Q) for targets b of real and a of generated examples; the distance is taken over
    [-1, 2], a standard deviation below the lower mean to one above the upper.
    """

    def check(seed: int) -> dict[str, float]:
        torch.manual_seed(seed)
        real = open_data("gaussian[mean=0]", seed=2 * seed)
        fake = open_data("gaussian[mean=1]", seed=2 * seed + 1)  # of one seed it would be the same noise
        critic = mlp((1, 64, 64, 1))
        rounds, size = 4_000, 1_024
        rule = adam(lambda images: 3e-3 * (1 - images / (rounds * size)))
        parameters = list(critic.parameters())
        state = rule.init(parameters)
        for round in range(rounds):
            position = round * size
            terms = ADVERSARIAL[coding].discriminator(
                critic(real.batch(position, size)["x"]), critic(fake.batch(position, size)["x"])
            )
            slopes = torch.autograd.grad(terms["real"] + terms["fake"], parameters)
            step(rule, slopes, state, parameters, torch.tensor(position), fused=True)
        x = torch.linspace(-1, 2, 301).unsqueeze(1)
        with torch.no_grad():
            return {"greatest distance from the optimum": greatest(critic(x).squeeze(1) - optimum(coding, x))}

    return check


def optimum(coding: str, x: Tensor) -> Tensor:
    """The critic that regression on N(0, 1) against N(1, 1) tends to, (N, 1) to (N,)."""
    low, high = CODINGS[coding]
    share = torch.sigmoid(0.5 - x.squeeze(1))  # P / (P + Q), as log P / Q = 1/2 - x
    return high * share + low * (1 - share)


def greatest(gap: Tensor) -> float:
    """The greatest entry by size, to four places."""
    return round(float(gap.abs().max()), 4)


CHECKS = {
    "lsgan-regression": regression("least_squares"),
    "lsgan-regression-pearson": regression("least_squares_pearson"),
    "lsgan-digits": train("lsgan", "digits", 10_000),
    "lsgan-ring": train("lsgan", "ring", 10_000),
}
ASKED = {
    name: (Bound("greatest distance from the optimum", most=0.05),)
    for name in ("lsgan-regression", "lsgan-regression-pearson")
}
