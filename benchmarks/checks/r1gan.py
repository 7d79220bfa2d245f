"""Checks of ``r1gan``."""

from __future__ import annotations

from benchmarks.checks.checking import train

CHECKS = {
    "r1gan-ring": train("r1gan", "ring", 6_000),
    "r1gan-ring-0": train("r1gan", "ring", 6_000, gamma=0.0),
    "r1gan-digits": train("r1gan", "digits", 6_000),
    "r1gan-digits-0": train("r1gan", "digits", 6_000, gamma=0.0),
}
