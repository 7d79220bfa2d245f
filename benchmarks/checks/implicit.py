"""Checks of ``implicit``: the ratio every rule finds, and the discrepancy of moments against its closed form."""

from __future__ import annotations

import math

import torch

from benchmarks.checks.checking import Bound, train
from zerosum.data import open_data
from zerosum.losses import COMPARISONS, mmd
from zerosum.networks import mlp
from zerosum.updates import adam, step

ROUNDS, BATCH = 2_000, 1_024
SHIFT = 1.0
"""Mean of the generated side, N(SHIFT, 1), against N(0, 1): the log ratio has slope -SHIFT."""


def ratio(seed: int) -> dict[str, float]:
    """The slope of every rule's critic by least squares over [-1, 2], where both laws are; -1 is exact."""
    real = open_data("gaussian[mean=0]", seed=2 * seed)
    fake = open_data(f"gaussian[mean={SHIFT}]", seed=2 * seed + 1)  # of one seed it would be the same noise
    x = torch.linspace(-1, 2, 301).unsqueeze(1)
    figures = {}
    for name, rule in COMPARISONS.items():
        torch.manual_seed(seed)
        critic = mlp((1, 64, 64, 1))
        update = adam(lambda images: 3e-3 * (1 - images / (ROUNDS * BATCH)))
        parameters = list(critic.parameters())
        state = update.init(parameters)
        for position in range(0, ROUNDS * BATCH, BATCH):
            terms = rule(critic(real.batch(position, BATCH)["x"]), critic(fake.batch(position, BATCH)["x"]))
            slopes = torch.autograd.grad(terms["real"] + terms["fake"], parameters)
            step(update, slopes, state, parameters, torch.tensor(position), fused=True)
        with torch.no_grad():
            centred = x - x.mean()
            slope = float((centred * critic(x)).sum() / centred.square().sum())
        figures[f"slope, {name}"] = round(slope, 4)
    figures["greatest error of a slope"] = round(max(abs(slope / SHIFT + 1) for slope in figures.values()), 4)
    return figures


def moments(seed: int) -> dict[str, float]:
    """The mean of 500 discrepancies of 256 examples of N(0, 1) and of N(1, 1), bandwidth 1."""
    real = open_data("gaussian[mean=0]", seed=2 * seed)
    fake = open_data(f"gaussian[mean={SHIFT}]", seed=2 * seed + 1)
    count, size = 500, 256
    values = torch.stack(
        [mmd(real.batch(at, size)["x"], fake.batch(at, size)["x"], [1.0]) for at in range(0, count * size, size)]
    ).double()
    exact = 2 / math.sqrt(3) * (1 - math.exp(-(SHIFT**2) / 6))
    error = float(values.std()) / math.sqrt(count)
    return {
        "mean": round(float(values.mean()), 5),
        "closed form": round(exact, 5),
        "error in its standard errors": round((float(values.mean()) - exact) / error, 3),
    }


CHECKS = {
    "implicit-ratio": ratio,
    "implicit-mmd": moments,
    "implicit-digits": train("implicit", "digits", 10_000),
    "implicit-ring": train("implicit", "ring", 10_000),
    "implicit-digits-moments": train("implicit", "digits", 10_000, comparison="moment_matching"),
    "implicit-ring-moments": train("implicit", "ring", 10_000, comparison="moment_matching"),
}
ASKED = {
    "implicit-ratio": (Bound("greatest error of a slope", most=0.05),),
    "implicit-mmd": (Bound("error in its standard errors", -2, 2),),
}
