"""Images of any size and kind as squares of one side and one number of channels, by arithmetic in float32."""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
import numpy.typing as npt

from zerosum.data.images import Pixels

Fit = Literal["crop", "pad", "stretch"]
"""Ways to make an image square: its middle; the whole of it, on white or on nothing; or out of shape."""

Floats = npt.NDArray[np.float32]

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_SUPPORT = 2.0


def fitted(pixels: Pixels, channels: int, side: int | None = None, fit: Fit = "crop") -> Pixels:
    """An image as (channels, side, side) uint8, or of its own size where no side is asked for.

    Resized by a cubic filter (a = -1/2) that is as wide as a pixel of the smaller of the two, so that nothing aliases;
    colours weighted by their opacity, so that what is clear does not shine through; rounded once, at the end.

    Arguments:
        pixels: (H, W, C) uint8: grey, grey with opacity, colour, colour with opacity.
        channels: 1 grey, 3 colour, 4 colour with opacity. What is clear is white, and of a clear pixel the colour is
            white too.
        side: Of the square.
        fit: How it becomes one.

    Returns:
        (channels, H, W) or (channels, side, side).
    """
    height, width, held = pixels.shape
    if side is None or (height, width) == (side, side):
        if held == channels in (1, 3):
            return np.ascontiguousarray(pixels.transpose(2, 0, 1))
        return _rounded(_finished(_spread(pixels, channels), channels))
    if fit == "crop":
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        pixels = pixels[top : top + short, left : left + short]
        high = wide = side
    elif fit == "pad":
        scale = side / max(height, width)
        high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    else:
        high = wide = side
    small = _resized(_spread(pixels, channels), high, wide)
    if (high, wide) != (side, side):
        whole = np.zeros((small.shape[0], side, side), np.float32)  # clear
        if small.shape[0] != 4:
            whole[:] = 255
        top, left = (side - high) // 2, (side - wide) // 2
        whole[:, top : top + high, left : left + wide] = small
        small = whole
    return _rounded(_finished(small, channels))


def _spread(pixels: Pixels, channels: int) -> Floats:
    """Planes (c, H, W) that may be averaged: laid on white, or colours times opacity and the opacity."""
    planes = pixels.transpose(2, 0, 1).astype(np.float32)
    clear = pixels.shape[2] in (2, 4)
    colours: Floats = planes[:-1] if clear else planes
    if channels == 1 and len(colours) == 3:
        colours = np.tensordot(_GREY, colours, 1)[None]
    elif channels > 1 and len(colours) == 1:
        colours = np.repeat(colours, 3, 0)
    if not clear and channels != 4:
        return colours
    opacity: Floats = planes[-1:] / np.float32(255) if clear else np.ones_like(planes[:1])
    if channels == 4:
        return np.concatenate([colours * opacity, opacity])
    return colours * opacity + 255 * (1 - opacity)


def _finished(planes: Floats, channels: int) -> Floats:
    if channels != 4:
        return planes
    opacity = planes[3:]
    least = np.float32(1 / 512)  # less is rounded to none
    colours = np.where(opacity > least, planes[:3] / np.maximum(opacity, least), np.float32(255))
    return np.concatenate([colours, opacity * 255])


def _rounded(planes: Floats) -> Pixels:
    return np.rint(planes).clip(0, 255).astype(np.uint8)


def _resized(planes: Floats, height: int, width: int) -> Floats:
    """One product for either side."""
    resized: Floats = _weights(planes.shape[1], height) @ (planes @ _weights(planes.shape[2], width).T)
    return resized


@functools.lru_cache(maxsize=256)
def _weights(size: int, wanted: int) -> Floats:
    """The matrix (wanted, size) of the cubic filter, rows of sum 1."""
    scale = size / wanted
    wide = max(scale, 1.0)
    middle = (np.arange(wanted)[:, None] + 0.5) * scale - 0.5
    distance = np.abs(np.arange(size) - middle) / wide
    a = -0.5
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    weights = np.where(distance < 1, near, np.where(distance < _SUPPORT, far, 0))
    normalised: Floats = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return normalised
