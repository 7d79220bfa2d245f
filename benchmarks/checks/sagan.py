"""Checks of ``sagan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled

CHECKS = {
    "sagan-digits": labelled("sagan", "digits", 700, learning_rate=1e-3, rate_ratio=1.0, conditional=True),
}
ASKED = {
    "sagan-digits": (Bound("neighbour_classes", least=10), Bound("samples of their label", least=0.9)),
}
