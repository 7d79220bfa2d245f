"""Samples of a model as files: a picture, or arrays written chunk by chunk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zerosum.api.models import Model, load
from zerosum.data import DataSpec, open_data
from zerosum.errors import ConfigError, DataError
from zerosum.report import pictures
from zerosum.training import Run, files


def sample(
    run: Model | Run | Path | str,
    out: Path | str,
    n: int = 64,
    seed: int = 0,
    raw: bool = False,
    round: int | None = None,
    device: str = "cpu",
    trust: bool = False,
    truncation: float | None = None,
    label: str | None = None,
) -> Model:
    """Write samples of a run's model to a file.

    Arguments:
        run: A run folder, what training returned, or a loaded model.
        out: A ``.png`` for a picture, an ``.npz`` for a float32 array ``x``; any number of samples in bounded memory.
        n: How many.
        seed: Of the samples; a larger n of the same seed begins with the same ones.
        raw: Use the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        trust: As for :func:`load`.
        truncation: As for :func:`load`.
        label: Of all of them, by name or number; as frequent as in the data by default.

    Returns:
        The model they are of.

    Raises:
        ConfigError: The file has another ending, its folder is not there, or there is no such label.
        RunError: The run folder holds no model.
    """
    out = target(out, "samples go into a .png or an .npz", ".png", ".npz")
    model = load(run, round, device, trust, truncation)
    chunks = model.samples(n, seed, raw, label)
    if out.suffix == ".npz":
        _write_arrays(out, n, model.spec.shape, chunks)
    else:
        _write_picture(out, n, chunks, model.spec)
    return model


def target(out: Path | str, rule: str, *endings: str) -> Path:
    """The path of a file to write, checked before anything is computed.

    Raises:
        ConfigError: It has another ending, or its folder is not there.
    """
    out = Path(out)
    if out.suffix not in endings:
        raise ConfigError(f"{rule}, got {str(out)!r}.")
    if not out.parent.is_dir():
        raise ConfigError(f"there is no folder {str(out.parent)!r} for {str(out)!r}.")
    return out


def _write_arrays(path: Path, n: int, shape: tuple[int, ...], chunks: Iterator[Tensor]) -> None:
    new = path.with_name(path.name + ".new")
    header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": (n, *shape)}
    with zipfile.ZipFile(new, "w") as archive, archive.open("x.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk.cpu().numpy(), np.float32).tobytes())
    new.replace(path)


def _write_picture(path: Path, n: int, chunks: Iterator[Tensor], spec: DataSpec) -> None:
    # A sheet of many images is kept as the bytes it will be.
    kept = [
        (c.clamp(0, 1) * 255).round().to(torch.uint8) if spec.kind.spatial else c for c in (c.cpu() for c in chunks)
    ]
    reals = _real_examples(spec, n) if spec.kind.over_reals else None
    files.replace(path, pictures.png(pictures.picture(torch.cat(kept), spec.x, reals)))


def _real_examples(spec: DataSpec, n: int) -> Tensor | None:
    """Real examples to draw samples over, of data that a name alone opens: without them, all samples in one place look
    as wide as any."""
    try:
        data = open_data(spec.name)
    except DataError:
        return None
    return data.batch(0, n)["x"] if data.spec == spec else None
