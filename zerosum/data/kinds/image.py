"""Images: (C, H, W) with values in [0, 1], C = 1 grey, 3 RGB or 4 RGBA."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zerosum.data.kinds.kind import Kind

CELL = 48
"""Small images are enlarged by a whole factor to about this many pixels."""


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Images in rows, (n, C, H, W) in [0, 1] or uint8, C = 1 grey, 3 RGB or 4 RGBA; of other C the first channel."""
    n, channels, height, width = images.shape
    if channels not in (1, 3, 4):
        images, channels = images[:, :1], 1
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    factor = max(1, round(CELL / max(height, width)))
    gap = 2
    if images.dtype != torch.uint8:
        images = (images.clamp(0, 1) * 255).round().to(torch.uint8)
    pixels = images.permute(0, 2, 3, 1).cpu().numpy()
    pixels = pixels.repeat(factor, 1).repeat(factor, 2)
    height, width = height * factor, width * factor
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 128, np.uint8)
    for i, image in enumerate(pixels):
        top, left = (i // columns) * (height + gap) + gap, (i % columns) * (width + gap) + gap
        sheet[top : top + height, left : left + width] = image
    return Image.fromarray(sheet.squeeze(2) if channels == 1 else sheet)


def draw(images: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """Images in rows; real ones are not drawn.

    Arguments:
        images: (n, ...).
        field: What they are of.
        reals: Real ones, or None.
    """
    return grid(images)


def write(path: Path, image: Tensor, field: Any) -> None:
    """Write one image (C, H, W) in [0, 1] as a PNG file, of other C than 1, 3 and 4 the first channel.

    Arguments:
        path: The file.
        image: (C, H, W) in [0, 1].
        field: What it is of.
    """
    if image.shape[0] not in (1, 3, 4):
        image = image[:1]
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(path)


IMAGE = Kind(
    "image",
    "images (C, H, W) in [0, 1]",
    range=(0.0, 1.0),
    last_layer=nn.Sigmoid,
    spatial=True,
    picture=draw,
    suffix=".png",
    write=write,
    metrics=("neighbour_classes", "neighbour_distance"),
)
