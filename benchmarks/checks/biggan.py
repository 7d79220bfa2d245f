"""Checks of ``biggan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled

CHECKS = {
    "biggan-digits": labelled("biggan", "digits", 700, learning_rate=1e-3),
}
ASKED = {
    "biggan-digits": (Bound("neighbour_classes", least=10), Bound("samples of their label", least=0.95)),
}
