"""Binary examples: every value is 0 or 1, of an image or a vector."""

from __future__ import annotations

import dataclasses
from typing import Any

from PIL import Image
from torch import Tensor, nn

from zerosum.data.kinds.image import IMAGE, grid
from zerosum.data.kinds.kind import Kind


def draw(examples: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """Images in rows; a vector is a row of pixels.

    Arguments:
        examples: (n, ...).
        field: What they are of.
        reals: Real ones, or None.
    """
    return grid(examples if examples.ndim == 4 else examples.flatten(1)[:, None, None, :])


BINARY: Kind = dataclasses.replace(
    IMAGE, name="binary", text="values 0 and 1", last_layer=nn.Sigmoid, picture=draw, metrics=("neighbour_distance",)
)
