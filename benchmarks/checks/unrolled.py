"""Checks of ``unrolled``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, train

CHECKS = {
    "unrolled-ring": train("unrolled", "ring", 8_000),
    "unrolled-ring-0": train("unrolled", "ring", 8_000, unroll_steps=0),
}
ASKED = {"unrolled-ring": (Bound("modes", least=7), Bound("high_quality", least=0.6))}
