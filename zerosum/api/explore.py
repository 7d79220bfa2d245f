"""Ways through a model's latents as files: a walk from sample to sample, and the plane of a latent in 2 dimensions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from zerosum import latent
from zerosum.api.models import Model, load
from zerosum.api.samples import target
from zerosum.data import Field
from zerosum.errors import ConfigError, Unsupported
from zerosum.report import pictures
from zerosum.sources import Normal, TruncatedNormal, Uniform
from zerosum.training import Run, files

MOST = 10_000
"""Frames one picture or animation has at most, and samples that the keyframes of a walk are picked from."""

FILM = 224
"""Small images are enlarged by a whole factor to about this many pixels in an animation."""

DURATION = 80
"""Milliseconds that a frame of an animation stays."""


@dataclass(frozen=True)
class Walk:
    """A walk through a model's latents.

    Attributes:
        model: Whose.
        latents: (frames, d); every ``steps``-th is that of a sample.
        frames: What the model makes of them, (frames, ...); at the keyframes the samples themselves, bit for bit.
        smoothness: The largest change from frame to frame over the mean one (:func:`zerosum.latent.smoothness`).
        crossfade: The same of fading from each keyframe to the next pixel by pixel.
    """

    model: Model
    latents: Tensor
    frames: Tensor
    smoothness: float
    crossfade: float


def walk(
    run: Model | Run | Path | str,
    out: Path | str,
    keyframes: int | Sequence[int] = 5,
    steps: int = 10,
    closed: bool = False,
    path: Literal["linear", "spherical"] | None = None,
    seed: int = 0,
    raw: bool = False,
    round: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    truncation: float | None = None,
) -> Walk:
    """Walk from sample to sample of a run's model, and write what is seen to a file.

    Arguments:
        run: A run folder, what training returned, or a loaded model.
        out: A ``.png`` for a picture with a row for the way from each keyframe to the next, both in it; a ``.gif`` for
            an animation, which images alone can be.
        keyframes: Walk between this many samples, the seed's first; or between these samples, counted from 0: those
            that ``sample`` of the same seed draws.
        steps: From each keyframe to the next.
        closed: Go on from the last end to the first.
        path: A line, or an arc that keeps the norm; by default the arc for a normal prior and the line for others.
        seed: Of the samples.
        raw: Use the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        trust: As for :func:`load`.
        truncation: As for :func:`load`.

    Raises:
        ConfigError: The file has another ending or its folder is not there; or there are too few keyframes, or too many
            frames.
        RunError: The run folder holds no model.
        Unsupported: The model makes no examples of latents, or no images to animate.
    """
    out = _target(out)
    places = list(range(keyframes)) if isinstance(keyframes, int) else list(keyframes)
    if len(places) < 2:
        raise ConfigError(f"a walk has at least 2 keyframes, got {len(places)}.")
    if not 0 <= min(places) <= max(places) < MOST:
        raise ConfigError(f"a walk goes between samples 0 to {MOST - 1}, got {min(places)} to {max(places)}.")
    segments = len(places) - (not closed)
    if segments * steps >= MOST:
        raise ConfigError(
            f"a walk has at most {MOST} frames, got {segments * steps + 1}; take fewer keyframes or steps."
        )
    model = _load(run, out, round, device, trust, truncation)
    n = max(places) + 1
    latents = model.latents(n, seed).cpu()[places]
    if path is None:
        path = "spherical" if isinstance(model.priors["z"], Normal | TruncatedNormal) else "linear"
    latents = latent.walk(latents, steps, closed, path)
    frames = model.decode(latents, raw).cpu()
    # The samples themselves: the bits of a product depend on how many examples are in it.
    samples = model.sample(n, seed, raw).cpu()[places]
    frames[::steps] = torch.cat([samples, samples[:1]]) if closed else samples
    if out.suffix == ".png":
        rows = torch.arange(segments)[:, None] * steps + torch.arange(steps + 1)
        _write_picture(out, frames[rows.flatten()], steps + 1, model.spec.x)
    else:
        _write_animation(out, frames[:-1] if closed else frames)
    fade = latent.walk(samples.flatten(1), steps, closed, "linear")
    return Walk(model, latents, frames, latent.smoothness(frames), latent.smoothness(fade))


def grid(
    run: Model | Run | Path | str,
    out: Path | str,
    side: int = 20,
    raw: bool = False,
    round: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    truncation: float | None = None,
) -> Model:
    """Write what a run's model makes of the plane of its latent to a file, in cells of equal probability.

    Arguments:
        run: A run folder, what training returned, or a loaded model.
        out: A ``.png`` for a picture, in which the latent's first coordinate grows from left to right and the second
            from top to bottom; a ``.gif`` for an animation that goes through the rows, there and back in turn.
        side: Rows, and columns.
        raw: Use the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        trust: As for :func:`load`.
        truncation: As for :func:`load`.

    Returns:
        The model it is of.

    Raises:
        ConfigError: The file has another ending or its folder is not there; or there are too many cells.
        RunError: The run folder holds no model.
        Unsupported: The model's latent has not 2 dimensions, or it makes no images to animate.
    """
    out = _target(out)
    if side**2 > MOST:
        raise ConfigError(f"a grid has at most {MOST} cells, got {side} times {side}; take a smaller side.")
    model = _load(run, out, round, device, trust, truncation)
    prior = model.priors.get("z")
    if not isinstance(prior, Uniform | Normal | TruncatedNormal):
        raise Unsupported(
            f"a grid sweeps a uniform or normal latent z, and the priors of this model are {dict(model.priors)}."
        )
    if prior.dim != 2:
        raise Unsupported(
            f"a grid sweeps a latent of 2 dimensions, and this model's has {prior.dim}; train one with --latent 2."
        )
    frames = model.decode(latent.manifold(prior, side).flatten(0, 1), raw).cpu()
    if out.suffix == ".png":
        _write_picture(out, frames, side, model.spec.x)
    else:
        places = torch.arange(side * side).view(side, side)
        places[1::2] = places[1::2].flip(1)
        _write_animation(out, frames[places.flatten()])
    return model


def _target(out: Path | str) -> Path:
    return target(out, "what is explored goes into a .png or a .gif", ".png", ".gif")


def _load(
    run: Model | Run | Path | str, out: Path, round: int | None, device: str, trust: bool, truncation: float | None
) -> Model:
    model = load(run, round, device, trust, truncation)
    if out.suffix == ".gif" and not model.spec.kind.spatial:
        raise Unsupported(f"an animation is of images, which {model.spec.name} are not; write a .png.")
    return model


def _write_picture(path: Path, frames: Tensor, columns: int, field: Field) -> None:
    image = pictures.grid(frames, columns) if field.kind.spatial else pictures.picture(frames, field)
    files.replace(path, pictures.png(image))


def _write_animation(path: Path, frames: Tensor) -> None:
    first, *others = (_enlarged(frame) for frame in frames)
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=others, duration=DURATION, loop=0)
    files.replace(path, out.getvalue())


def _enlarged(frame: Tensor) -> Image.Image:
    height, width = frame.shape[1:]
    factor = max(1, FILM // max(height, width))
    sheet = pictures.grid(frame[None])
    gap = 2
    image = sheet.crop((gap, gap, sheet.width - gap, sheet.height - gap))
    return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
