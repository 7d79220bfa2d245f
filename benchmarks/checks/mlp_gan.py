"""Checks of ``mlp_gan``."""

from __future__ import annotations

from benchmarks.checks.checking import train

CHECKS = {
    "mlp_gan-digits": train("mlp_gan", "digits", 8_000),
    "mlp_gan-ring": train("mlp_gan", "ring", 10_000),
    "mlp_gan-ring-bfloat16": train("mlp_gan", "ring", 10_000, precision="bfloat16"),
    "mlp_gan-grid": train("mlp_gan", "grid", 20_000),
}
