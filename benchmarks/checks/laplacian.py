"""Checks of ``laplacian``."""

from __future__ import annotations

import torch

from benchmarks.checks.checking import Bound, train
from zerosum.data import from_laplacian_pyramid, laplacian_pyramid, open_data


def inverse(seed: int) -> dict[str, float]:
    """A pyramid of 500 images of Fashion-MNIST and back."""
    x = open_data("fashion-mnist", seed=seed).batch(0, 500)["x"]
    there = from_laplacian_pyramid(laplacian_pyramid(x, 2))
    return {"greatest error": float(torch.abs(there - x).max())}


CHECKS = {
    "laplacian-inverse": inverse,
    "laplacian-digits": train("laplacian", "digits", 1_500),
    "laplacian-mnist": train("laplacian", "mnist", 1_500),  # two epochs
}
ASKED = {
    "laplacian-inverse": (Bound("greatest error", most=1e-6),),
}
