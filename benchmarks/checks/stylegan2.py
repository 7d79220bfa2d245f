"""Checks of ``stylegan2``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, train

CHECKS = {"stylegan2-digits": train("stylegan2", "digits", 1_000)}
ASKED = {
    "stylegan2-digits": (
        Bound("neighbour_classes", least=8),
        Bound("neighbour_distance", most=1.5),
    )
}
