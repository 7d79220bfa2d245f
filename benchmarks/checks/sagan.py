"""Checks of ``sagan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled, train

CHECKS = {
    "sagan-digits": labelled("sagan", "digits", 1_000, learning_rate=1e-3, rate_ratio=1.0, conditional=True),
    "sagan-digits-0": train("sagan", "digits", 1_000, learning_rate=1e-3, rate_ratio=1.0, attention=False),
}
ASKED = {
    "sagan-digits": (Bound("neighbour_classes", least=10), Bound("samples of their label", least=0.9)),
}
