"""Known image data sets, from files under the data root: MNIST, Fashion-MNIST, USPS, CIFAR-10.

A data set lies in a folder of its name. What is not there is downloaded into it, where a mirror is known. The
validation split is the end of the published training set.
"""

from __future__ import annotations

import io
import itertools
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from zerosum.data.arrays import Arrays
from zerosum.data.fetch import fetch
from zerosum.data.idx import Labelled, read_labelled_idx
from zerosum.data.mirrors import FILES, MIRRORS
from zerosum.data.remember import remembered
from zerosum.data.spec import DataSpec
from zerosum.errors import DataError

ROOT = "ZEROSUM_DATA"
"""Environment variable: the folder data sets lie in."""


def data_root(root: Path | str | None = None) -> Path:
    """The folder data sets lie in: the one given, ``$ZEROSUM_DATA``, or a cache in the user's home."""
    if root is not None:
        return Path(root)
    if given := os.environ.get(ROOT):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zerosum"


def open_mnist(split: str, seed: int | None, device: torch.device, root: Path, name: str = "mnist") -> Arrays:
    """28x28 grey images in four idx files: 50,000 to train on, 10,000 to validate, 10,000 to test.

    Arguments:
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        root: The folder whose folder of its name holds the files, or gets them.
        name: ``mnist``, or a data set of the same files.

    Raises:
        DataError: The files are not there and cannot be downloaded, or are damaged.
    """
    folder = root / name
    paths = []
    for remote in FILES[name]:
        plain, packed = folder / remote.name.removesuffix(".gz"), folder / remote.name
        if not plain.exists() and not packed.exists():
            fetch(name, FILES[name], MIRRORS[name], folder)
        paths.append(plain if plain.exists() else packed)
    train, test = remembered(read_labelled_idx, *paths[:2]), remembered(read_labelled_idx, *paths[2:])
    return _split(name, train, test, 10_000, split, seed, device)


def open_usps(split: str, seed: int | None, device: torch.device, root: Path) -> Arrays:
    """16x16 grey digits of post codes: 6,291 to train on, 1,000 to validate, 2,007 to test.

    Arguments:
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        root: The folder whose folder of its name holds the files, or gets them.

    Raises:
        DataError: The file is not there, or is damaged.
    """
    path = root / "usps" / "usps.npz"
    if not path.exists():
        raise DataError(
            f"data 'usps' is not at {path}, and no mirror of it is known; put it there (arrays x_train and x_test, "
            "n x 16 x 16 in [-1, 1], y_train and y_test), or say with --data-root where it is."
        )
    train, test = remembered(_read_usps, path)
    return _split("usps", train, test, 1000, split, seed, device)


def open_cifar10(split: str, seed: int | None, device: torch.device, root: Path) -> Arrays:
    """32x32 colour images of ten classes: 40,000 to train on, 10,000 to validate, 10,000 to test.

    Read from the binary version (its archive, or ``cifar-10-batches-bin`` unpacked). Where only ``cifar10_jpeg.npz``
    is there, the images are those after JPEG compression, and the data set is called ``cifar10-jpeg``.

    Arguments:
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        root: The folder whose folder of its name holds the files, or gets them.

    Raises:
        DataError: The files are not there and cannot be downloaded, or are damaged.
    """
    folder = root / "cifar10"
    unpacked, archive, jpeg = (
        folder / n for n in ("cifar-10-batches-bin", "cifar-10-binary.tar.gz", "cifar10_jpeg.npz")
    )
    if not unpacked.is_dir() and not archive.exists() and jpeg.exists():
        train, test = remembered(_read_cifar_jpeg, jpeg)
        return _split("cifar10-jpeg", train, test, 10_000, split, seed, device)
    if not unpacked.is_dir() and not archive.exists():
        fetch("cifar10", FILES["cifar10"], MIRRORS["cifar10"], folder)
    train, test = remembered(_read_cifar, unpacked if unpacked.is_dir() else archive)
    return _split("cifar10", train, test, 10_000, split, seed, device)


def _read_usps(path: Path) -> tuple[Labelled, Labelled]:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            x_train, y_train, x_test, y_test = (arrays[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged ({error}); get it anew.") from None
    (train, test) = ((x[:, None].astype(np.float32) + 1) / 2 for x in (x_train, x_test))
    return (train, y_train), (test, y_test)


def _read_cifar(path: Path) -> tuple[Labelled, Labelled]:
    record = 1 + 3 * 32 * 32
    parts = []
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        if path.is_dir():
            if not (path / name).exists():
                raise DataError(f"{path} lacks {name}; get it anew.")
            data = (path / name).read_bytes()
        else:
            data = _member(path, f"cifar-10-batches-bin/{name}")
        if len(data) != 10_000 * record:
            raise DataError(f"{name} in {path} has {len(data)} bytes, not {10_000 * record}; get it anew.")
        parts.append(np.frombuffer(data, np.uint8).reshape(-1, record))
    train, test = np.concatenate(parts[:5]), parts[5]
    return _records(train), _records(test)


def _records(rows: npt.NDArray[np.uint8]) -> Labelled:
    return rows[:, 1:].reshape(-1, 3, 32, 32).copy(), rows[:, 0].copy()


def _member(archive: Path, name: str) -> bytes:
    try:
        with tarfile.open(archive) as tar:  # read in memory: nothing an archive says is a path on our disk
            file = tar.extractfile(name)
            assert file is not None
            return file.read()
    except (OSError, EOFError, KeyError, AssertionError, tarfile.TarError) as error:
        raise DataError(f"{archive} is damaged ({error}); get it anew.") from None


def _read_cifar_jpeg(path: Path) -> tuple[Labelled, Labelled]:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            parts = [(arrays[f"jpeg_{s}"], arrays[f"off_{s}"], arrays[f"y_{s}"]) for s in ("train", "test")]
        train, test = ((_decoded(jpeg, offsets), y) for jpeg, offsets, y in parts)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is damaged ({error}); get it anew.") from None
    return train, test


def _decoded(jpeg: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    images = np.empty((len(offsets) - 1, 3, 32, 32), np.uint8)
    for i, (start, end) in enumerate(itertools.pairwise(offsets)):
        with Image.open(io.BytesIO(jpeg[start:end].tobytes())) as image:
            images[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return images


def _split(
    name: str, train: Labelled, test: Labelled, valid: int, split: str, seed: int | None, device: torch.device
) -> Arrays:
    cut = len(train[0]) - valid
    x, y = {"train": (train[0][:cut], train[1][:cut]), "valid": (train[0][cut:], train[1][cut:]), "test": test}[split]
    spec = DataSpec.of(name, "image", tuple(x.shape[1:]), classes=10, count=cut)
    return Arrays(spec, {"x": torch.from_numpy(x), "label": torch.from_numpy(y.astype(np.int64))}, seed, device)
