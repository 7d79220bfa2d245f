"""Checks of ``vanilla``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, classified, train

CHECKS = {
    "vanilla-mnist": classified("vanilla", "mnist", 20_000),
    "vanilla-digits": train("vanilla", "digits", 10_000),
    "vanilla-digits-bfloat16": train("vanilla", "digits", 10_000, precision="bfloat16"),
    "vanilla-digits-long": train("vanilla", "digits", 50_000),
    "vanilla-ring": train("vanilla", "ring", 10_000),
}
ASKED = {
    "vanilla-mnist": (Bound("classes with at least 2 %", least=8), Bound("mean largest probability", least=0.8)),
}
