"""Checks of ``laplacian``."""

from __future__ import annotations

import torch

from benchmarks.checks.checking import Bound, classified, train
from zerosum.data import from_laplacian_pyramid, laplacian_pyramid, open_data


def inverse(seed: int) -> dict[str, float]:
    """A pyramid of 500 images of Fashion-MNIST and back."""
    x = open_data("fashion-mnist", seed=seed).batch(0, 500)["x"]
    there = from_laplacian_pyramid(laplacian_pyramid(x, 2))
    return {"greatest error": float(torch.abs(there - x).max())}


CHECKS = {
    "laplacian-inverse": inverse,
    "laplacian-digits": train("laplacian", "digits", 1_500),
    "laplacian-mnist": classified("laplacian", "mnist", 3_750, width=16),  # four epochs
}
ASKED = {
    "laplacian-inverse": (Bound("greatest error", most=1e-6),),
    "laplacian-mnist": (Bound("classes with at least 2 %", least=10),),
}
