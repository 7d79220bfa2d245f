"""Checks of ``r1gan``."""

from __future__ import annotations

import cmath
import math

import torch

from benchmarks.checks.checking import Bound, train
from zerosum.lab import games, spectrum
from zerosum.lab.orbits import orbit
from zerosum.losses import AdversarialLoss, minimax, nonsaturating


def dirac(seed: int) -> dict[str, float]:
    """The Dirac-GAN: eigenvalues of the field against theirs by hand, and 400 rounds from 20 random starts."""
    errors = []
    for gamma in (0.0, 0.5, 2.0):
        found = (spectrum(games.dirac(0, 0, nonsaturating, gamma)) - 1) / 0.1
        root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
        errors += [float((found - (-gamma / 2 + sign * root)).abs().min()) for sign in (1, -1)]
    starts = torch.randn(20, 2, generator=torch.Generator().manual_seed(seed)).tolist()

    def left(start: list[float], gamma: float, loss: AdversarialLoss) -> float:
        points = orbit(games.dirac(*start, loss, gamma), ("generator", "discriminator"), 400)
        return math.hypot(*points[-1]) / math.hypot(*start)

    return {
        "greatest error of an eigenvalue": max(errors),
        "starts that come within a thousandth, R1 of weight 1": sum(left(s, 1, nonsaturating) < 1e-3 for s in starts),
        "starts that leave, minimax without R1": sum(left(s, 0, minimax) > 1 for s in starts),
    }


CHECKS = {
    "r1gan-dirac": dirac,
    "r1gan-ring": train("r1gan", "ring", 6_000),
    "r1gan-ring-0": train("r1gan", "ring", 6_000, gamma=0.0),
    "r1gan-digits": train("r1gan", "digits", 6_000),
    "r1gan-digits-0": train("r1gan", "digits", 6_000, gamma=0.0),
}
ASKED = {
    "r1gan-dirac": (
        Bound("greatest error of an eigenvalue", most=1e-3),
        Bound("starts that come within a thousandth", least=20),
        Bound("starts that leave", least=20),
    )
}
