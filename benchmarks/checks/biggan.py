"""Checks of ``biggan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, classified

CHECKS = {
    "biggan-digits": classified("biggan", "digits", 700, learning_rate=1e-3),
}
ASKED = {
    "biggan-digits": (
        Bound("classes with at least 2 %", least=10),
        Bound("labels as asked", least=0.95),
        Bound("variance within a label"),
    ),
}
