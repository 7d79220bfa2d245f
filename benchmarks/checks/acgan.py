"""Checks of ``acgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, labelled

CHECKS = {
    "acgan-digits": labelled("acgan", "digits", 4_500),
}
ASKED = {
    "acgan-digits": (
        Bound("neighbour_classes", least=10),
        Bound("samples of their label", least=0.95),
        Bound("their variance within a label", least=0.5),
    ),
}
