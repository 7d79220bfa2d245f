"""Checks of ``dcgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, train

CHECKS = {
    "dcgan-digits": train("dcgan", "digits", 1_500, width=32),
    "dcgan-digits-bfloat16": train("dcgan", "digits", 1_500, width=32, precision="bfloat16"),
    "dcgan-fashion": train("dcgan", "fashion-mnist", 1_170, width=32, kernel=4),  # three epochs
}
ASKED = {
    "dcgan-digits": (Bound("neighbour_classes", least=10),),
    "dcgan-digits-bfloat16": (Bound("neighbour_classes", least=10),),
    "dcgan-fashion": (Bound("neighbour_classes", least=10),),
}
