"""From one range to another."""

from __future__ import annotations

from torch import Tensor, nn


class Affine(nn.Module):
    """x to a x + b, for networks of images: those are in [0, 1] outside, in [-1, 1] inside.

    Arguments:
        factor: a.
        shift: b.
    """

    def __init__(self, factor: float, shift: float):
        super().__init__()
        self._factor, self._shift = factor, shift

    def forward(self, x: Tensor) -> Tensor:
        return self._factor * x + self._shift
