"""Pictures of what a model returns: a grid of images, a scatter of points in the plane, a histogram on the line."""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from zerosum.data import Data
from zerosum.training import Experiment
from zerosum.training.outputs import joined

SHOWN_IMAGES, SHOWN_PAIRS, SHOWN_POINTS = 64, 12, 1000
"""Samples in a preview; examples beside their results; points."""

FIELDS = ("x",)
"""Fields of the data that have a picture."""

CELL = 48
"""Small images are enlarged by a whole factor to about this many pixels."""

CANVAS = 480
_REAL, _FAKE, _GROUND = (170, 178, 189), (214, 69, 65), (255, 255, 255)


def preview(experiment: Experiment, data: Data, seed: int) -> bytes | None:
    """The preview of an experiment: its first output that returns a field of the data.

    Samples are of fixed latents, over real examples where they are points. An output that reads the data is shown
    beside its input and its target, on the first training examples.

    Arguments:
        experiment: What is trained.
        data: The training split in stored order.
        seed: Of the latents.

    Returns:
        A PNG file; None where no output returns a field of the data.
    """
    name = previewed(experiment, data)
    if name is None:
        return None
    points = data.spec.kind == "real"
    output, priors = experiment.output(name), set(experiment.priors)
    if priors.issuperset(output.inputs):
        n = SHOWN_POINTS if points else SHOWN_IMAGES
        made = experiment.pictured(n, seed) if name == "sample" else _of_priors(experiment, name, n, seed)
        return png(picture(made, data.batch(0, n)["x"] if points else None))
    n = SHOWN_POINTS if points else SHOWN_PAIRS
    wanted = {*output.inputs, *([output.target] if output.target else [])}
    batch = experiment.with_derived(data.batch(0, n), wanted)
    fields = {key: value for key, value in batch.items() if key in output.inputs}
    found = output.of_field(joined(experiment.chunks(name, fields, seed)), FIELDS)
    assert found is not None
    target = batch.get(output.target) if output.target else None
    if found.ndim != 4:
        return png(picture(found, batch["x"] if target is None else target))
    given = next((value for value in fields.values() if value.ndim == 4), None)
    shown = (given, found, None if output.target in fields else target)
    return png(columns(*(images for images in shown if images is not None)))


def previewed(experiment: Experiment, data: Data) -> str | None:
    """The name of the output that a run is previewed by, or None.

    Arguments:
        experiment: What is trained.
        data: Any split; outputs are passed over that read neither its fields nor priors.
    """
    batch = data.batch(0, 1)
    for name in experiment.outputs:
        output = experiment.output(name)
        known = {*experiment.with_derived(batch, output.inputs), *experiment.priors}
        if output.returns_one_of(FIELDS) and known.issuperset(output.inputs):
            return name
    return None


def _of_priors(experiment: Experiment, name: str, n: int, seed: int) -> Tensor:
    """An output that reads priors alone."""
    output = experiment.output(name)
    batches = experiment.drawn(n, seed)
    parts = ({key: value for key, value in batch.items() if key in output.inputs} for batch in batches)
    found = output.of_field(joined(experiment.part(name, part, i, seed) for i, part in enumerate(parts)), FIELDS)
    assert found is not None
    return found


def columns(*images: Tensor) -> Image.Image:
    """Images side by side, a row for each example: input, output, target.

    Arguments:
        *images: (n, C, H, W) each; smaller ones are enlarged by nearest neighbours.
    """
    height, width = (max(x.shape[axis] for x in images) for axis in (2, 3))
    channels = images[0].shape[1] if len({x.shape[1] for x in images}) == 1 else 3
    sheets = []
    for x in images:
        x = x.detach().float().cpu()
        if x.shape[1] != channels:
            x = x[:, :3] if x.shape[1] > 3 else x[:, :1].expand(-1, 3, -1, -1)
        sheets.append(interpolate(x, size=(height, width)) if x.shape[2:] != (height, width) else x)
    return grid(torch.stack(sheets, 1).flatten(0, 1), len(images))


def picture(samples: Tensor, reals: Tensor | None = None) -> Image.Image:
    """The picture of samples by their kind.

    Arguments:
        samples: (n, C, H, W) in [0, 1], or points (n, 1) or (n, 2), or (n, d) of which the first two axes are drawn.
        reals: Real points to draw behind generated ones; images are shown alone.
    """
    if samples.ndim == 4:
        return grid(samples)
    reals = samples[:0] if reals is None else reals
    return histogram(samples, reals) if samples.shape[1] == 1 else scatter(samples[:, :2], reals[:, :2])


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


def png(image: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _share(points: Tensor, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(points):
        return np.zeros(len(edges) - 1)
    return np.histogram(points.double().cpu().numpy(), edges)[0] / len(points)


def _bounds(points: Tensor) -> tuple[Tensor, Tensor]:
    low, high = points.double().cpu().amin(0), points.double().cpu().amax(0)
    margin = 0.15 * (high - low).max() + 1e-3
    return low - margin, high + margin
