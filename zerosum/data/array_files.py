"""Array files: idx files as MNIST names them, ``.npy`` and ``.npz`` with images, points, tokens or waveforms."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zerosum.data.idx import read_idx, read_labelled_idx
from zerosum.data.kinds import IMAGE, LABEL, POINTS, TOKENS
from zerosum.data.spec import Field
from zerosum.data.splits import parts, place
from zerosum.errors import DataError

CHANNELS = (1, 3, 4)

LABELS = ("y", "label", "labels")
"""Names of an archive's array of labels."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """Examples of a path that fit in memory.

    Arguments:
        fields: By name.
        arrays: Of each field, (n, ...): uint8 images, float32, or int64.
        part: Of each example: 0 train, 1 valid, 2 test.
    """

    fields: dict[str, Field]
    arrays: dict[str, Array]
    part: npt.NDArray[np.int64]


def read_idx_file(path: Path) -> Examples:
    """An idx file of images, with the labels beside it.

    Raises:
        DataError: It is no idx file of images.
    """
    labels = labels_beside(path)
    if labels is None:
        return examples(read_images(read_idx(path), path))
    x, y = read_labelled_idx(path, labels)
    return examples(x, y.astype(np.int64))


def read_array_file(path: Path) -> Examples:
    """A ``.npy`` or ``.npz`` file: ``x`` with labels ``y`` or without.

    Floats of two axes are points, whole numbers of two axes are tokens, everything else is images.

    Raises:
        DataError: It cannot be read, or its arrays are none of these; the message names the file.
    """
    arrays = load_arrays(path)
    y = next((arrays.pop(name) for name in LABELS if name in arrays), None)
    x = arrays.get("x", next(iter(arrays.values())) if len(arrays) == 1 else None)
    if x is None:
        raise DataError(
            f"{path} has arrays {', '.join(arrays) or 'none'}; save the examples as x (and labels as y, if any)."
        )
    if y is not None and (y.ndim != 1 or len(y) != len(x) or y.dtype.kind not in "iu" or y.min() < -1 or y.max() < 0):
        raise DataError(
            f"{path} has labels {y.dtype} of shape {y.shape} for {len(x)} examples; "
            f"labels are whole numbers from 0 (-1 where there is none), one for each: ({len(x)},)."
        )
    if x.ndim < 2 or not x.size:
        raise DataError(f"{path} holds no examples (its shape is {x.shape}); the first axis counts them.")
    label = None if y is None else y.astype(np.int64)
    if x.ndim == 2 and x.dtype.kind in "iu" and x.dtype != np.uint8:
        return examples(read_tokens(x, path), label)
    return examples(read_images(x, path), label)


def load_arrays(path: Path) -> dict[str, Array]:
    """Arrays of a file by name; of a ``.npy`` one array ``x``. Nothing is unpickled.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {"x": loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as arrays ({error}); save it with numpy.save or numpy.savez.") from None


def array_names(path: Path) -> set[str]:
    """Names of the arrays of an ``.npz``; none are read.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as arrays ({error}); save it with numpy.savez.") from None


def read_tokens(x: Array, path: Path) -> Array:
    """Token sequences (n, T) as int64.

    Raises:
        DataError: One is negative.
    """
    if x.min() < 0:
        raise DataError(f"{path} has the token {x.min()}; tokens are whole numbers from 0.")
    return x.astype(np.int64)


def read_images(x: Array, path: Path) -> Array:
    """Images of any accepted layout as (n, C, H, W), or points (n, d) as they are.

    Raises:
        DataError: They are neither.
    """
    if x.ndim < 2 or not x.size:
        raise DataError(f"{path} holds no examples (its shape is {x.shape}); the first axis counts them.")
    if x.dtype == np.bool_:
        x = x.astype(np.uint8) * 255
    if x.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(1))
        if len(bad):
            raise DataError(
                f"example {bad[0]} of {path} is not finite ({len(bad)} such examples); correct or remove it."
            )
        x = x.astype(np.float32)
        if x.ndim == 2:
            return x
        if x.min() < 0 or x.max() > 1:
            raise DataError(
                f"{path} has values from {x.min():.4g} to {x.max():.4g}; images are uint8, or float in [0, 1]."
            )
    elif x.dtype != np.uint8:
        raise DataError(f"{path} holds {x.dtype}; images are uint8, or float in [0, 1].")
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4:
        first, last = x.shape[1] in CHANNELS, x.shape[3] in CHANNELS
        if first and last:  # both could count the colours: take the one that makes square images, or else the last
            first = x.shape[2] == x.shape[3] != x.shape[1]
        if first:
            return x
        if last:
            return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    raise DataError(
        f"{path} has shape {x.shape}; images are n x H x W, n x H x W x C or n x C x H x W with C one of "
        f"{', '.join(map(str, CHANNELS))}."
    )


def examples(x: Array, label: Array | None = None) -> Examples:
    """Examples with splits by hash of their content.

    Arguments:
        x: (n, ...).
        label: (n,) int64, -1 where an example has none; None without labels.
    """
    return labelled(Examples({"x": field_of(x)}, {"x": x}, parts(map(place, contents(x)))), label)


def labelled(found: Examples, label: Array | None, names: tuple[str, ...] = ()) -> Examples:
    """The same examples with a field ``label``.

    Arguments:
        found: The examples.
        label: (n,) int64, -1 where an example has none; None leaves them as they are.
        names: Of the labels.
    """
    if label is None:
        return found
    classes = len(names) or int(label.max()) + 1
    train = label[found.part == 0]
    field = Field(LABEL, (), classes, names, shares_of(train[train >= 0], classes), partial=bool((label < 0).any()))
    return Examples({**found.fields, "label": field}, {**found.arrays, "label": label}, found.part)


def field_of(x: Array) -> Field:
    """The field of examples whose array says what they are: images (n, C, H, W), tokens (n, T) int64, or points."""
    if x.ndim == 4:
        return Field(IMAGE, tuple(x.shape[1:]))
    if x.dtype == np.int64:
        return Field(TOKENS, tuple(x.shape[1:]), classes=int(x.max()) + 1)
    return Field(POINTS, tuple(x.shape[1:]))


def shares_of(label: npt.NDArray[np.int64], classes: int | None) -> tuple[float, ...]:
    """The share of each label among the examples; empty where all are equal."""
    counts = np.bincount(label, minlength=classes or 0)
    return () if len(set(counts.tolist())) == 1 else tuple((counts / counts.sum()).tolist())


def contents(x: Array) -> Iterable[bytes]:
    """The bytes of each example."""
    return (example.tobytes() for example in x)


def labels_beside(path: Path) -> Path | None:
    """The idx file of labels that belongs to one of images, by the names MNIST gave them."""
    beside = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    return beside if beside != path and beside.exists() else None


def read_idx_folder(path: Path) -> Examples:
    """The idx files of a folder, as MNIST names them.

    Raises:
        DataError: The training images are missing, or a file is damaged.
    """
    for ending in ("", ".gz"):
        files = [path / f"{part}-{what}-ubyte{ending}" for part in ("train", "t10k") for what in _IDX]
        if files[0].exists():
            train = read_labelled_idx(*files[:2])
            if not files[2].exists():
                return examples(train[0], train[1].astype(np.int64))
            test = read_labelled_idx(*files[2:])
            x, y = (np.concatenate(both) for both in zip(train, test, strict=True))
            part = parts(map(place, contents(train[0])), test=False)
            part = np.concatenate([part, np.full(len(test[0]), 2)])
            return labelled(Examples({"x": field_of(x)}, {"x": x}, part), y.astype(np.int64))
    raise DataError(f"{path} has no train-images-idx3-ubyte beside its other idx files; add it.")


_IDX = ("images-idx3", "labels-idx1")


def idx_names() -> list[str]:
    """Names of idx files, as MNIST has them."""
    return [f"{part}-{what}-ubyte{e}" for e in ("", ".gz") for part in ("train", "t10k") for what in _IDX]
