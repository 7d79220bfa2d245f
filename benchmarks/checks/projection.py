"""Checks of ``projection``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, classified

CHECKS = {
    "projection-digits": classified("projection", "digits", 1_000, learning_rate=1e-3, k=1),
}
ASKED = {
    "projection-digits": (
        Bound("classes with at least 2 %", least=10),
        Bound("labels as asked", least=0.95),
        Bound("variance within a label"),
    ),
}
