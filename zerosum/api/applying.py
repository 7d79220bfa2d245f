"""A trained model applied to files: one result for each image, with its name, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from PIL import Image
from torch import Tensor

from zerosum.api.models import Model, load
from zerosum.data.fit import Fit, fitted
from zerosum.data.image_options import asked_of
from zerosum.data.images import IMAGES, decode
from zerosum.data.walk import Progress, walk
from zerosum.errors import ConfigError, DataError, Unsupported
from zerosum.training import Run, files
from zerosum.training.folder import read_record

OPTIONS = re.compile(r".*\[([^\[\]]*)\]\s*", re.DOTALL)
"""A path with the options of its images in brackets."""


@dataclass(frozen=True)
class Applied:
    """The results of a model applied to files.

    Attributes:
        model: The model that was applied.
        count: Files that were written.
        bad: Files that could not be used, each with the reason.
    """

    model: Model
    count: int
    bad: tuple[str, ...]


def apply(
    run: Model | Run | Path | str,
    source: Path | str,
    out: Path | str,
    output: str = "apply",
    label: str | int | None = None,
    seed: int = 0,
    raw: bool = False,
    round: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    progress: Progress | None = None,
) -> Applied:
    """Apply a model to images, and write one PNG for each with its name and its place in the folder.

    Images are cropped and resized as those the model was trained on. Any number needs bounded memory.

    Arguments:
        run: A run folder, what training returned, or a loaded model.
        source: An image, or a folder, a zip or a tar of images.
        out: The folder for the results; it is made where it is not there.
        output: The output to apply, where the model has several: ``b_to_a``.
        label: Of all results, by name or number, for a model that takes one.
        seed: Of the model's noise inputs.
        raw: Use the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        trust: As for :func:`load`.
        progress: Told after every file.

    Raises:
        ConfigError: The results would lie among the images, or there is no such label.
        DataError: There are no images.
        RunError: The folder holds no model.
        Unsupported: The model has no such output, or it returns no images.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    model = load(run, round, device, trust)
    described = model.experiment.output(output)
    images_of = tuple(name for name, field in model.spec.fields.items() if field.kind.spatial)
    if not described.returns_one_of(images_of):
        raise Unsupported(f"apply writes images, and the output {output!r} of this model returns none.")
    if set(described.inputs) <= set(model.priors):
        raise Unsupported(f"apply gives the model images, and its output {output!r} reads none; use zerosum sample.")
    if out.resolve() == source.resolve():
        raise ConfigError(f"results go into another folder than the images, got {str(out)!r} for both.")
    fields = {} if label is None else {"label": label}
    bad: list[str] = []
    written: set[Path] = set()
    for chunk, (names, images) in enumerate(_chunks(model, source, described.chunk, bad, progress)):
        found = described.of_field(model.part(output, images, chunk, seed, raw, **fields), images_of)
        if found is None or found.ndim != 4 or found.shape[1] not in (1, 3, 4):
            raise Unsupported(f"apply writes images of 1, 3 or 4 channels; the output {output!r} returns none.")
        pixels = (found.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        for name, image in zip(names, pixels, strict=True):
            path = _path(out, name, written)
            files.make_folder(path.parent)
            Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(path, "PNG")
            written.add(path)
    if not written:
        raise DataError(f"{source} holds no image that can be read{f' ({bad[0]})' if bad else ''}.")
    return Applied(model, len(written), tuple(bad))


def _chunks(
    model: Model, source: Path, size: int, bad: list[str], progress: Progress | None
) -> Iterator[tuple[list[str], Tensor]]:
    """Names and images in [0, 1], so many at a time."""
    names: list[str] = []
    images: list[Tensor] = []
    for name, pixels in _images(model, source, bad, progress):
        names.append(name)
        images.append(pixels)
        if len(names) == size:
            yield names, torch.stack(images).float().div_(255)
            names, images = [], []
    if names:
        yield names, torch.stack(images).float().div_(255)


def _images(model: Model, source: Path, bad: list[str], progress: Progress | None) -> Iterator[tuple[str, Tensor]]:
    channels, height, width = model.spec.shape
    fit = _fit(model)

    def prepare(data: bytes) -> Tensor:
        side = height if height == width else None
        pixels = fitted(decode(data).pixels, channels, side, fit)
        if pixels.shape[1:] != (height, width):
            raise ValueError(f"it has {pixels.shape[2]}x{pixels.shape[1]} pixels, and the model takes {width}x{height}")
        return torch.from_numpy(pixels)

    if source.is_file() and source.suffix.lower() in IMAGES:
        try:
            yield source.name, prepare(source.read_bytes())
        except ValueError as error:
            bad.append(f"{source.name}: {error}")
        return
    for seen in walk(source, prepare, progress):
        if seen.look is not None:
            yield seen.name, seen.look
        elif seen.bad:
            bad.append(f"{seen.name}: {seen.bad}")


def _fit(model: Model) -> Fit:
    """The way in which images were made square for the model."""
    record = {} if model.path is None else read_record(model.path) or {}
    parts = OPTIONS.fullmatch(str(record.get("source", "")))
    return asked_of(parts[1], Path(model.spec.name)).fit if parts and "fit=" in parts[1] else "crop"


def _path(out: Path, name: str, written: set[Path]) -> Path:
    """The place of a result; of two images whose names differ in their endings the second keeps its own."""
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        raise DataError(f"{name!r} leads out of the folder of the results; rename it.")
    path = out / inside.with_suffix(".png")
    return path if path not in written else out / f"{name}.png"
