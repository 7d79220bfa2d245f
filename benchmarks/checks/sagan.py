"""Checks of ``sagan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, classified

CHECKS = {
    "sagan-digits": classified("sagan", "digits", 700, learning_rate=1e-3, ttur_ratio=1.0, conditional=True),
}
ASKED = {
    "sagan-digits": (
        Bound("classes with at least 2 %", least=10),
        Bound("labels as asked", least=0.9),
        Bound("variance within a label"),
    ),
}
