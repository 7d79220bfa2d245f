"""Points: vectors of unbounded numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from zerosum.data.kinds.kind import Kind

CANVAS = 480
_REAL, _FAKE, _GROUND = (170, 178, 189), (214, 69, 65), (255, 255, 255)


def draw(points: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """A scatter of the first two coordinates over those of real points; a histogram on the line.

    Arguments:
        points: (n, ...).
        field: What they are of.
        reals: Real ones, or None.
    """
    reals = points[:0] if reals is None else reals
    return histogram(points, reals) if points.shape[1] == 1 else scatter(points[:, :2], reals[:, :2])


def scatter(samples: Tensor, reals: Tensor) -> Image.Image:
    """Generated points (n, 2) in red over real ones in grey, on equal axes."""
    from PIL import ImageDraw  # with its fonts, which pictures of images do without

    everything = torch.cat([reals, samples]).double().cpu()
    low, high = _bounds(reals if len(reals) else samples)
    span = float((high - low).max())
    middle = (low + high) / 2
    fine = 3 * CANVAS  # drawn large and reduced, as Pillow draws without smoothing
    image = Image.new("RGB", (fine, fine), _GROUND)
    draw = ImageDraw.Draw(image)
    places = ((everything - middle) / span * fine + fine / 2).tolist()
    for i, (x, y) in enumerate(places):
        radius, colour = (8, _REAL) if i < len(reals) else (5, _FAKE)
        draw.ellipse((x - radius, fine - y - radius, x + radius, fine - y + radius), fill=colour)
    return image.reduce(3)


def histogram(samples: Tensor, reals: Tensor, bins: int = 60) -> Image.Image:
    """Generated points (n, 1) as red outline over real ones as grey bars.

    Arguments:
        samples: Generated points.
        reals: Real ones; may be none.
        bins: Bars.
    """
    from PIL import ImageDraw

    low, high = (float(v) for v in _bounds(reals if len(reals) else samples))
    edges = np.linspace(low, high, bins + 1)
    heights = [_share(part, edges) for part in (reals, samples)]
    image = Image.new("RGB", (CANVAS, CANVAS // 2), _GROUND)
    draw = ImageDraw.Draw(image)
    top = max(float(h.max()) for h in heights) or 1.0
    step = CANVAS / bins

    def y(share: float) -> float:
        return CANVAS / 2 - 4 - share / top * (CANVAS / 2 - 12)

    for i, share in enumerate(heights[0]):
        if share > 0:
            draw.rectangle((i * step, y(share), (i + 1) * step - 1, CANVAS / 2), fill=_REAL)
    line = [(x, y(share)) for i, share in enumerate(heights[1]) for x in (i * step, (i + 1) * step)]
    draw.line(line, fill=_FAKE, width=2)
    return image


def write(path: Path, point: Tensor, field: Any) -> None:
    """Write one point as an array of NumPy.

    Arguments:
        path: The file.
        point: (d,).
        field: What it is of.
    """
    np.save(path, point.cpu().numpy())


def _share(points: Tensor, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(points):
        return np.zeros(len(edges) - 1)
    return np.histogram(points.double().cpu().numpy(), edges)[0] / len(points)


def _bounds(points: Tensor) -> tuple[Tensor, Tensor]:
    low, high = points.double().cpu().amin(0), points.double().cpu().amax(0)
    margin = 0.15 * (high - low).max() + 1e-3
    return low - margin, high + margin


POINTS = Kind(
    "points",
    "vectors of numbers",
    picture=draw,
    shown=1000,
    over_reals=True,
    write=write,
    metrics=("modes", "high_quality"),
)
