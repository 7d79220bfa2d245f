"""Data of one's own, by path: idx files, ``.npy`` and ``.npz`` arrays, a folder or an archive of images.

Images are prepared once and kept (:mod:`zerosum.data.prepared`). A tenth of the examples is held
out to validate and a tenth to test, by hash of their content: an example stays in its split when others are added, and
equal examples are in one split. With fewer than ten, all are trained on.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from zerosum.data.arrays import Arrays, Gathered
from zerosum.data.idx import read_idx, read_labelled_idx
from zerosum.data.image_options import Asked, said
from zerosum.data.images import IMAGES
from zerosum.data.packed import INDEX, Packed, is_packed, read_packed
from zerosum.data.prepared import Prepared, prepared
from zerosum.data.remember import remembered
from zerosum.data.spec import DataSpec, Kind
from zerosum.data.splits import SPLITS, parts, place
from zerosum.data.walk import Progress
from zerosum.errors import DataError

RESIDENT = 2 << 30
"""Bytes up to which prepared images are held in memory, or on the device; of more a batch is read at a time."""

CHANNELS = (1, 3, 4)

LABELS = ("y", "label", "labels")
"""Names of an archive's array of labels."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Examples:
    """What a path holds.

    Arguments:
        x: Images (n, C, H, W), uint8 or float32 in [0, 1], or points (n, d) float32.
        y: Labels (n,) int64, or None.
        part: Of each example: 0 train, 1 valid, 2 test.
    """

    x: Array
    y: Array | None
    part: npt.NDArray[np.int64]


def open_own(
    path: Path,
    split: str,
    seed: int | None,
    device: torch.device,
    asked: Asked | None = None,
    progress: Progress | None = None,
) -> Arrays:
    """One split of the data at a path.

    Arguments:
        path: An idx file, an array, or a folder or an archive of images.
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        asked: How images are to be prepared; arrays are taken as they are.
        progress: Told after every image that is prepared.

    Raises:
        DataError: Nothing there can be read as data, or the split is empty; the message names the file.
    """
    arrays = _arrays(path)
    if arrays is None:
        return _images(path, split, seed, device, asked or Asked(), progress)
    if asked is not None:
        raise DataError(f"{path} holds arrays, which are taken as they are; leave out [{said(asked)}].")
    chosen = _chosen(path, arrays.part, split)
    kind: Kind = "uint8" if arrays.x.ndim == 4 else "real"
    classes = None if arrays.y is None else int(arrays.y.max()) + 1
    train = arrays.part == 0
    shares = () if arrays.y is None else shares_of(arrays.y[train], classes)
    spec = DataSpec(name_of(path), tuple(arrays.x.shape[1:]), kind, classes, count=int(train.sum()), shares=shares)
    label = None if arrays.y is None else torch.from_numpy(arrays.y[chosen])
    return Arrays(spec, torch.from_numpy(arrays.x[chosen]), label, seed, device)


def _images(
    path: Path,
    split: str,
    seed: int | None,
    device: torch.device,
    asked: Asked,
    progress: Progress | None,
) -> Arrays:
    held: Prepared | Packed
    x: torch.Tensor | Gathered
    resident, notices = False, tuple[str, ...]()
    if is_packed(path):
        if asked != Asked():
            raise DataError(f"{path} holds shards, which are taken as they are; leave out [{said(asked)}].")
        packed: Packed = remembered(read_packed, path, watch=[path / INDEX])
        held, name, x = packed, packed.name, packed.images
    else:
        whole = prepared(path, asked, progress)
        held, name, x = whole, name_of(path, asked), torch.from_numpy(whole.x)
        resident, notices = whole.x.nbytes <= RESIDENT, whole.notices
    chosen = _chosen(path, held.part, split)
    train = held.part == 0
    spec = DataSpec(
        name,
        tuple(x.shape[1:]),
        "uint8",
        len(held.labels) or None,
        count=int(train.sum()),
        labels=held.labels,
        shares=() if held.label is None else shares_of(held.label[train], len(held.labels)),
    )
    label = None if held.label is None else torch.from_numpy(held.label)
    rows, fingerprint = torch.from_numpy(chosen), held.fingerprints[split]
    return Arrays(spec, x, label, seed, device, rows, fingerprint, resident, notices)


def holds_images(path: Path) -> bool:
    """Whether a path is a folder or an archive of images that are yet to be prepared: no arrays, no shards."""
    if path.is_dir():
        return not is_packed(path) and not any((path / name).exists() for name in _idx_names())
    return path.suffix not in (".npy", ".npz") and (zipfile.is_zipfile(path) or _is_tar(path))


def _arrays(path: Path) -> Examples | None:
    """What is held in arrays; None where there are images."""
    if holds_images(path) or (path.is_dir() and is_packed(path)):
        return None
    if path.is_dir():
        idx = [path / name for name in _idx_names()]
        found: Examples | None = remembered(_read_folder, path, watch=[file for file in idx if file.exists()])
        return found
    held: Examples = remembered(_read_file, path, watch=[p for p in (path, labels_beside(path)) if p is not None])
    return held


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error):
        return False


def _chosen(path: Path, part: npt.NDArray[np.int64], split: str) -> npt.NDArray[np.int64]:
    chosen = np.flatnonzero(part == SPLITS.index(split))
    if not len(chosen):
        raise DataError(
            f"{path} has no {split} split: of its {len(part)} examples none is held out, "
            "as that takes ten or more; add examples."
        )
    return chosen


def name_of(path: Path, asked: Asked | None = None) -> str:
    """What data at a path are called: the folder or the file without its endings, and what they were to become."""
    name = path.resolve().name if path.is_dir() else path.name.partition(".")[0]
    told = "" if asked is None else said(asked)
    return f"{name}[{told}]" if told else name


def shares_of(label: npt.NDArray[np.int64], classes: int | None) -> tuple[float, ...]:
    """The share of each label among the examples; empty where all are equal."""
    counts = np.bincount(label, minlength=classes or 0)
    return () if len(set(counts.tolist())) == 1 else tuple((counts / counts.sum()).tolist())


def labels_beside(path: Path) -> Path | None:
    """The idx file of labels that belongs to one of images, by the names MNIST gave them."""
    beside = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    return beside if beside != path and beside.exists() else None


def _read_file(path: Path) -> Examples:
    if path.suffix in (".npy", ".npz"):
        return _held_out(*_read_arrays(path))
    if path.suffix.lower() in IMAGES:
        raise DataError(f"{path} is one image; give the folder of your images.")
    labels = labels_beside(path)
    if labels is None:
        return _held_out(_checked(read_idx(path), path), None)
    x, y = read_labelled_idx(path, labels)
    return _held_out(x, y.astype(np.int64))


def _read_folder(path: Path) -> Examples | None:
    """The idx files of a folder, as MNIST names them; None where it has none."""
    for ending in ("", ".gz"):
        files = [path / f"{part}-{what}-ubyte{ending}" for part in ("train", "t10k") for what in _IDX]
        if files[0].exists():
            train = read_labelled_idx(*files[:2])
            if not files[2].exists():
                return _held_out(train[0], train[1].astype(np.int64))
            test = read_labelled_idx(*files[2:])
            x, y = (np.concatenate(both) for both in zip(train, test, strict=True))
            part = parts(map(place, _contents(train[0])), test=False)
            return Examples(x, y.astype(np.int64), np.concatenate([part, np.full(len(test[0]), 2)]))
    return None


_IDX = ("images-idx3", "labels-idx1")


def _idx_names() -> list[str]:
    return [f"{part}-{what}-ubyte{e}" for e in ("", ".gz") for part in ("train", "t10k") for what in _IDX]


def _read_arrays(path: Path) -> tuple[Array, Array | None]:
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as arrays ({error}); save it with numpy.save or numpy.savez.") from None
    y = next((arrays.pop(name) for name in LABELS if name in arrays), None)
    x = arrays.get("x", next(iter(arrays.values())) if len(arrays) == 1 else None)
    if x is None:
        raise DataError(
            f"{path} has arrays {', '.join(arrays) or 'none'}; save the examples as x (and labels as y, if any)."
        )
    x = _checked(x, path)
    if y is None:
        return x, None
    if y.ndim != 1 or len(y) != len(x) or y.dtype.kind not in "iu" or y.min() < 0:
        raise DataError(
            f"{path} has labels {y.dtype} of shape {y.shape} for {len(x)} examples; "
            f"labels are whole numbers from 0, one for each: ({len(x)},)."
        )
    return x, y.astype(np.int64)


def _checked(x: Array, path: Path) -> Array:
    """Examples of any accepted layout as (n, C, H, W), or as (n, d) points."""
    if x.ndim < 2 or not x.size:
        raise DataError(f"{path} holds no examples (its shape is {x.shape}); the first axis counts them.")
    if x.dtype == np.bool_:
        x = x.astype(np.uint8) * 255
    if x.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(1))
        if len(bad):
            raise DataError(f"example {bad[0]} of {path} is not finite ({len(bad)} such examples); mend or remove it.")
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


def _held_out(x: Array, y: Array | None) -> Examples:
    return Examples(x, y, parts(map(place, _contents(x))))


def _contents(x: Array) -> Iterable[bytes]:
    return (example.tobytes() for example in x)
