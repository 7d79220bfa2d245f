"""Checks of ``wgan_gp``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, train

CHECKS = {
    "wgan_gp-ring": train("wgan_gp", "ring", 2_500, latent=2),
    "wgan_gp-digits": train("wgan_gp", "digits", 2_500),
    "wgan_gp-grid": train("wgan_gp", "grid", 6_000, latent=2),
}
ASKED = {"wgan_gp-grid": (Bound("modes", least=22), Bound("high_quality", least=0.5))}
