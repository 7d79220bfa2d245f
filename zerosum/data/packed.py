"""Images in tar shards, as webdataset reads them: packed from prepared ones, and read by position.

A shard holds ``000000000.png``, and ``000000000.cls`` where there are labels, of so many images in their order. Beside
the shards lies ``index.json``: what the data are, and where in which shard each image begins, so that any image is one
read. The order of an epoch is that of the same images from a folder, and so is the batch at any position.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from zerosum.data.prepared import Prepared
from zerosum.data.walk import Progress
from zerosum.errors import DataError

INDEX = "index.json"
FORMAT = 1
SHARD = 1000
"""Images in a shard by default."""

_THREADS = 4


@dataclass(frozen=True)
class Packed:
    """The contents of a folder of shards.

    Attributes:
        name: What the data are called.
        images: Read by position.
        label: (n,) int64, or None.
        labels: What they are called.
        part: (n,): 0 train, 1 valid, 2 test.
        fingerprints: Of each split, by name.
    """

    name: str
    images: Shards
    label: npt.NDArray[np.int64] | None
    labels: tuple[str, ...]
    part: npt.NDArray[np.int64]
    fingerprints: dict[str, str]


class Shards:
    """Images (n, C, H, W) uint8 that lie in shards; some of them are read at a time.

    Arguments:
        folder: Where the shards are.
        shape: Of all of it.
        files: Names of the shards.
        where: For each image the number of its shard, the byte its PNG begins at and how long it is.

    Attributes:
        shape: Of all of it.
        device: The CPU.
        files: Names of the shards.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, ...], files: tuple[str, ...], where: npt.NDArray[np.int64]
    ) -> None:
        self.shape = torch.Size(shape)
        self.device = torch.device("cpu")
        self.files = files
        self._folder, self._where = folder, where
        self._open: dict[int, int] = {}
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """Images (m, C, H, W) uint8 at ``index`` (m,), as of a tensor.

        Arguments:
            dim: 0, as images lie along the first axis.
            index: (m,) int64.

        Raises:
            DataError: A shard is gone or damaged; the message names it.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1))
        return torch.from_numpy(np.stack(list(self._pool.map(self._image, index.tolist()))))

    def _image(self, row: int) -> npt.NDArray[np.uint8]:
        shard, start, size = self._where[row].tolist()
        try:
            if shard not in self._open:
                self._open[shard] = os.open(self._folder / self.files[shard], os.O_RDONLY)
            with Image.open(io.BytesIO(os.pread(self._open[shard], size, start)), formats=("PNG",)) as image:
                pixels = np.asarray(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(
                f"{self._folder / self.files[shard]} cannot be read ({error}); pack the images again."
            ) from None
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def pack(held: Prepared, name: str, out: Path, shard: int = SHARD, progress: Progress | None = None) -> int:
    """Write prepared images as shards.

    Arguments:
        held: The images.
        name: What the data are called.
        out: The folder to make.
        shard: Images in each.
        progress: Told after every image.

    Returns:
        How many shards were written.

    Raises:
        DataError: The folder is there already, or cannot be written.
    """
    if out.exists():
        raise DataError(f"{out} is there already; give the name of a folder to make.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f"{out.name}.new-", dir=out.parent))
        try:
            index = _write(held, new, shard, progress)
            index |= {"format": FORMAT, "name": name, "fingerprints": held.fingerprints}
            with (new / INDEX).open("w") as file:
                json.dump(index, file)
                file.flush()
                os.fsync(file.fileno())
            new.chmod(0o755)
            new.rename(out)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        raise DataError(f"shards cannot be written to {out} ({error.strerror}).") from None
    return len(index["shards"])


def _write(held: Prepared, folder: Path, shard: int, progress: Progress | None) -> dict[str, Any]:
    count = len(held.x)
    files: list[str] = []
    where, digests = [], []
    for first in range(0, count, shard):
        files.append(f"shard-{len(files):06d}.tar")
        with tarfile.open(folder / files[-1], "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in range(first, min(first + shard, count)):
                png = _png(held.x[row])
                where.append((len(files) - 1, _add(tar, f"{row:09d}.png", png), len(png)))
                if held.label is not None:
                    _add(tar, f"{row:09d}.cls", str(held.label[row]).encode())
                if progress:
                    progress(row + 1, count)
        with (folder / files[-1]).open("rb") as written:
            os.fsync(written.fileno())
            digests.append(hashlib.file_digest(written, "sha256").hexdigest())
    return {
        "shape": held.x.shape,
        "shards": [{"file": file, "sha256": digest} for file, digest in zip(files, digests, strict=True)],
        "where": where,
        "label": None if held.label is None else held.label.tolist(),
        "labels": held.labels,
        "part": held.part.tolist(),
    }


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    """Append a member; where its content begins."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    start = tar.offset + tarfile.BLOCKSIZE  # after one block of header, as the names are short
    tar.addfile(info, io.BytesIO(data))
    return start


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def is_packed(path: Path) -> bool:
    """Whether a path is a folder of shards with their index."""
    return (path / INDEX).is_file() and any(path.glob("shard-*.tar"))


def read_packed(folder: Path) -> Packed:
    """The index of a folder of shards; of the shards nothing is read yet.

    Raises:
        DataError: The index cannot be understood, or a shard is missing.
    """
    try:
        held = _parsed(folder, json.loads((folder / INDEX).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / INDEX} is damaged ({error}); pack the images again.") from None
    for file in held.images.files:
        if not (folder / file).is_file():
            raise DataError(f"{folder} lacks {file}; copy it there, or pack the images again.")
    return held


def _parsed(folder: Path, index: dict[str, Any]) -> Packed:
    if index["format"] != FORMAT:
        raise ValueError(f"it is of format {index['format']}, and this version reads {FORMAT}")
    files = tuple(str(shard["file"]) for shard in index["shards"])
    where = np.array(index["where"], np.int64).reshape(-1, 3)
    shape = tuple(int(side) for side in index["shape"])
    label = None if index["label"] is None else np.array(index["label"], np.int64)
    part = np.array(index["part"], np.int64)
    if not len(where) == len(part) == shape[0] or (label is not None and len(label) != shape[0]):
        raise ValueError("its lists are of different lengths")
    if any("/" in file or file.startswith(".") for file in files):
        raise ValueError("a shard lies outside of the folder")
    if len(where) and not (where[:, 0].min() >= 0 and where[:, 0].max() < len(files)):
        raise ValueError("it names a shard that it does not list")
    images = Shards(folder, shape, files, where)
    return Packed(str(index["name"]), images, label, tuple(index["labels"]), part, dict(index["fingerprints"]))
