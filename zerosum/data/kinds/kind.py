"""A kind of values: how a generator ends, how values become a picture and a file, and which metrics are the default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor, nn

Picture = Callable[[Tensor, Any, Tensor | None], Image.Image]
"""Draws examples of a field, ``(examples, field, real ones or None) -> picture``."""

Write = Callable[[Path, Tensor, Any], None]
"""Writes one example to a file, ``(path, example, field)``."""


@dataclass(frozen=True)
class Kind:
    """The meaning of the values of a field.

    Arguments:
        name: In JSON, in ``zerosum data scan`` and in messages.
        text: A line about it.
        range: Least and largest value; None where they are unbounded.
        last_layer: Makes the last layer of a generator; None for a linear output.
        continuous: Whether values are real numbers, through which gradients can be taken.
        spatial: Whether an example is (C, H, W) with neighbours that convolutions and image metrics read.
        picture: Draws examples; None where there is nothing to draw.
        shown: Examples in a preview.
        over_reals: Whether a preview draws samples over real examples.
        suffix: Of the file of one example.
        write: Writes one example.
        metrics: Names of its default metrics.
    """

    name: str
    text: str
    range: tuple[float, float] | None = None
    last_layer: Callable[[], nn.Module] | None = None
    continuous: bool = True
    spatial: bool = False
    picture: Picture | None = None
    shown: int = 64
    over_reals: bool = False
    suffix: str = ".npy"
    write: Write | None = None
    metrics: tuple[str, ...] = ()
