"""Checks of ``projection``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled

CHECKS = {
    "projection-digits": labelled("projection", "digits", 1_000, learning_rate=1e-3, k=1),
}
ASKED = {
    "projection-digits": (Bound("neighbour_classes", least=10), Bound("samples of their label", least=0.95)),
}
