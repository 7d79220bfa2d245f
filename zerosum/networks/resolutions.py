"""Resolutions between the smallest and the image's, each twice the one before, and the channels at each of them."""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST = range(4, 8)
"""Sides that are not halved further."""

WIDEST = 32
"""Resolutions up to this side have the full width."""


def resolutions(shape: Sequence[int]) -> list[int]:
    """Sides from the smallest resolution to the image, each twice the one before.

    The smallest is 4, 5, 6 or 7, so that 28 is 7, 14, 28; one halving at least.

    Arguments:
        shape: Of an image, (C, S, S).

    Raises:
        ValueError: It is no square image of such a side.

    Examples:
        >>> resolutions((3, 64, 64))
        [4, 8, 16, 32, 64]
        >>> resolutions((1, 28, 28))
        [7, 14, 28]
    """
    side = shape[-1] if len(shape) == 3 and shape[1] == shape[2] else 0
    halvings = max(side.bit_length() - SMALLEST.start.bit_length(), 0)
    if not halvings or side % (1 << halvings):
        raise ValueError(
            "convolutions take square images (C, S, S) whose side is 4, 5, 6 or 7 doubled once or more "
            f"(28, 32, 48, 64, ...), got {tuple(shape)}."
        )
    return [side >> halving for halving in range(halvings, -1, -1)]


def widths(shape: Sequence[int], width: int) -> list[int]:
    """Channels at these resolutions: ``width`` up to 32x32, half as many for each doubling beyond, at least 1.

    Arguments:
        shape: Of an image, (C, S, S).
        width: Channels at the smallest resolution.

    Examples:
        >>> widths((3, 128, 128), 64)
        [64, 64, 64, 64, 32, 16]
    """
    sides = resolutions(shape)
    return [max(width >> sum(WIDEST < smaller <= side for smaller in sides), 1) for side in sides]
