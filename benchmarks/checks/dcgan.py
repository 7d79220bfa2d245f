"""Checks of ``dcgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, train

CHECKS = {
    "dcgan-digits": train("dcgan", "digits", 1_500, width=32),
    "dcgan-fashion": train("dcgan", "fashion-mnist", 1_170, width=16, kernel=4),  # three epochs
}
ASKED = {
    "dcgan-digits": (Bound("neighbour_classes", least=10),),
    "dcgan-fashion": (Bound("neighbour_classes", least=10),),
}
