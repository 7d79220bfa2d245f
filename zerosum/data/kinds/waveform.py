"""Waveforms: (T,) float32 in [-1, 1] at a rate."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zerosum.data.kinds.image import grid
from zerosum.data.kinds.kind import Kind

WIDTH, HEIGHT = 256, 48
"""Of the picture of one waveform [pixels]."""


def draw(waves: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """Each waveform as the band between its least and largest value in every column, in rows of four.

    Arguments:
        waves: (n, ...).
        field: What they are of.
        reals: Real ones, or None.
    """
    count = len(waves)
    padded = torch.nn.functional.pad(waves.float().cpu().view(count, -1), (0, -waves[0].numel() % WIDTH))
    columns = padded.view(count, WIDTH, -1)
    low, high = (((v.clamp(-1, 1) + 1) / 2 * (HEIGHT - 1)).round() for v in (columns.amin(2), columns.amax(2)))
    rows = torch.arange(HEIGHT - 1, -1, -1)[:, None]
    inside = (rows >= low[:, None]) & (rows <= high[:, None])
    return grid(1 - inside[:, None].float(), 4)


def write(path: Path, samples: Tensor, field: Any) -> None:
    """Write one waveform as 16-bit PCM.

    Arguments:
        path: A .wav.
        samples: (T,) in [-1, 1].
        field: With its rate.
    """
    pcm = (samples.flatten().clamp(-1, 1) * 32767).round().cpu().numpy().astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(field.rate or 16_000)
        file.writeframes(np.ascontiguousarray(pcm).tobytes())


WAVEFORM = Kind(
    "waveform",
    "sound in [-1, 1] at a rate",
    range=(-1.0, 1.0),
    last_layer=nn.Tanh,
    picture=draw,
    shown=16,
    suffix=".wav",
    write=write,
)
