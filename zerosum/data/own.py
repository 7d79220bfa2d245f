"""Data of one's own, by path: idx files, ``.npy`` and ``.npz`` arrays, a flat folder of images of one size.

Images are read as :mod:`zerosum.data.images` says; what is clear in them becomes white. A tenth of the examples is held
out to validate and a tenth to test, by hash of their content: an example stays in its split when others are added, and
equal examples are in one split. With fewer than ten, all are trained on.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from zerosum.data.idx import read_idx, read_labelled_idx
from zerosum.data.images import IMAGES, Pixels, decode, opaque, plainly
from zerosum.data.remember import remembered
from zerosum.data.spec import DataSpec, Kind
from zerosum.data.stored import Stored
from zerosum.errors import DataError

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


def open_own(path: Path, split: str, seed: int | None, device: torch.device) -> Stored:
    """One split of the data at a path.

    Arguments:
        path: An idx file, an array, or a folder of images.
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.

    Raises:
        DataError: Nothing there can be read as data, or the split is empty; the message names the file.
    """
    if path.is_dir():
        held = remembered(_read_folder, path, watch=[path, *sorted(p for p in path.iterdir() if p.exists())])
    else:
        held = remembered(_read_file, path, watch=[p for p in (path, labels_beside(path)) if p is not None])
    chosen = np.flatnonzero(held.part == ("train", "valid", "test").index(split))
    if not len(chosen):
        raise DataError(
            f"{path} has no {split} split: of its {len(held.x)} examples none is held out, "
            "as that takes ten or more; add examples."
        )
    kind: Kind = "uint8" if held.x.ndim == 4 else "real"
    classes = None if held.y is None else int(held.y.max()) + 1
    name = path.resolve().name if path.is_dir() else path.name.partition(".")[0]
    spec = DataSpec(name, tuple(held.x.shape[1:]), kind, classes, count=int((held.part == 0).sum()))
    label = None if held.y is None else torch.from_numpy(held.y[chosen])
    return Stored(spec, torch.from_numpy(held.x[chosen]), label, seed, device)


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


def _read_folder(path: Path) -> Examples:
    for ending in ("", ".gz"):
        files = [path / f"{part}-{what}-ubyte{ending}" for part in ("train", "t10k") for what in _IDX]
        if files[0].exists():
            train = read_labelled_idx(*files[:2])
            if not files[2].exists():
                return _held_out(train[0], train[1].astype(np.int64))
            test = read_labelled_idx(*files[2:])
            x, y = (np.concatenate(both) for both in zip(train, test, strict=True))
            part = _parts(_contents(train[0]), test=False)
            return Examples(x, y.astype(np.int64), np.concatenate([part, np.full(len(test[0]), 2)]))
    return _read_images(path)


_IDX = ("images-idx3", "labels-idx1")


def _read_images(path: Path) -> Examples:
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    files = [p for p in inside if p.suffix.lower() in IMAGES]
    folders = [p.name for p in inside if p.is_dir()]
    if folders:
        raise DataError(
            f"{path} has folders in it ({', '.join(folders[:3])}{', ...' if len(folders) > 3 else ''}); "
            "put the images side by side in one folder."
        )
    if not files:
        raise DataError(f"{path} holds no images ({', '.join(sorted(IMAGES))}); put some there.")
    with plainly():
        images = [_read_image(file) for file in files]
    sizes = {image.shape[1::-1]: file for image, file in zip(images, files, strict=True)}
    if len(sizes) > 1:
        (one, a), (other, b), *_ = sizes.items()
        raise DataError(
            f"{path} has images of {len(sizes)} sizes: {a.name} is {one[0]}x{one[1]}, {b.name} is "
            f"{other[0]}x{other[1]}; make them of one size."
        )
    channels = max(image.shape[2] for image in images)  # one of colour makes all colour
    x = np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return Examples(x, None, _parts((file.read_bytes() for file in files), test=True))


def _read_image(file: Path) -> Pixels:
    try:
        return opaque(decode(file.read_bytes()).pixels)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}); mend or remove it.") from None
    except ValueError as error:
        raise DataError(f"{file} cannot be read as an image ({error}); mend or remove it.") from None


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
    return Examples(x, y, _parts(_contents(x), test=True))


def _contents(x: Array) -> Iterable[bytes]:
    return (example.tobytes() for example in x)


def _parts(contents: Iterable[bytes], test: bool) -> npt.NDArray[np.int64]:
    """0 train, 1 valid, 2 test, by hash; a test set of its own leaves only a validation split to hold out."""
    place = np.array([int.from_bytes(hashlib.sha256(c).digest()[:6], "big") / 2**48 for c in contents])
    part = np.where(place < 0.1, 1, 0)
    if test:
        part = np.where((place >= 0.1) & (place < 0.2), 2, part)
    if len(place) < 10:
        return np.zeros(len(place), np.int64)
    order = np.argsort(place)
    for rank, wanted in enumerate((1, 2) if test else (1,)):
        if not (part == wanted).any():  # few examples: chance may have left a split empty
            part[order[rank if wanted == 1 else -1]] = wanted
    return part.astype(np.int64)
