"""Checks of ``unrolled``."""

from __future__ import annotations

from benchmarks.checks.checking import train

CHECKS = {
    "unrolled-ring": train("unrolled", "ring", 5_000),
    "unrolled-ring-0": train("unrolled", "ring", 5_000, unroll_steps=0),
}
