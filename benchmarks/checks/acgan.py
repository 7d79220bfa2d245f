"""Checks of ``acgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled

CHECKS = {
    "acgan-digits": labelled("acgan", "digits", 1_500),
}
ASKED = {
    "acgan-digits": (Bound("neighbour_classes", least=10), Bound("samples of their label", least=0.95)),
}
