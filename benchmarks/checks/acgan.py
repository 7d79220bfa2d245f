"""Checks of ``acgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, classified

CHECKS = {
    "acgan-digits": classified("acgan", "digits", 4_500),
    "acgan-mnist": classified("acgan", "mnist", 3_000, learning_rate=5e-4),  # five epochs
}
ASKED = {
    check: (
        Bound("classes with at least 2 %", least=10),
        Bound("labels as asked", least=0.95),
        Bound("variance within a label", least=0.5),
    )
    for check in CHECKS
}
