"""Data of one's own, by path: images, arrays, tables, waveforms, text.

Images are prepared once and kept (:mod:`zerosum.data.prepared`). A tenth of the examples is held
out to validate and a tenth to test, by hash of their content: an example stays in its split when others are added, and
equal examples are in one split. With fewer than ten, all are trained on.
"""

from __future__ import annotations

import dataclasses
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zerosum.data.array_files import (
    Examples,
    array_names,
    idx_names,
    labels_beside,
    read_array_file,
    read_idx_file,
    read_idx_folder,
    shares_of,
)
from zerosum.data.arrays import Arrays, Gathered
from zerosum.data.image_options import Asked, asked_of, said
from zerosum.data.images import IMAGES
from zerosum.data.packed import INDEX, Packed, is_packed, read_packed
from zerosum.data.prepared import Prepared, prepared
from zerosum.data.remember import remembered
from zerosum.data.spec import DataSpec
from zerosum.data.splits import SPLITS
from zerosum.data.tables import is_table, read_table
from zerosum.data.texts import read_text
from zerosum.data.walk import Progress
from zerosum.data.waveforms import is_folder_of_waves, is_wave_archive, read_wave_archive, read_wave_folder
from zerosum.errors import DataError

OPTIONS: dict[Callable[..., Examples], tuple[str, ...]] = {
    read_text: ("window",),
    read_wave_folder: ("window",),
    read_wave_archive: ("window", "rate"),
}
"""Options in brackets after a path, by its reader, in the order of the reader's arguments."""

RESIDENT = 2 << 30
"""Bytes up to which prepared images are held in memory, or on the device; of more a batch is read at a time."""


def open_own(
    path: Path,
    split: str,
    seed: int | None,
    device: torch.device,
    given: str = "",
    progress: Progress | None = None,
) -> Arrays:
    """One split of the data at a path.

    Arguments:
        path: An array file, a table, a text, or a folder or an archive of images or waveforms.
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        given: What stands in brackets after the path.
        progress: Told after every image that is prepared.

    Raises:
        DataError: Nothing there can be read as data, or the split is empty; the message names the file.
    """
    read = reader_of(path)
    if read is None:
        return _images(path, split, seed, device, asked_of(given, path) if given else Asked(), progress)
    held: Examples = remembered(read, path, *_numbers(path, given, OPTIONS.get(read, ())), watch=_watched(path))
    chosen = _chosen(path, held.part, split)
    spec = DataSpec(name_of(path, given=given), held.fields, int((held.part == 0).sum()))
    fields: dict[str, Tensor | Gathered] = {name: torch.from_numpy(of[chosen]) for name, of in held.arrays.items()}
    return Arrays(spec, fields, seed, device)


def reader_of(path: Path) -> Callable[..., Examples] | None:
    """The function that reads a path whose examples are no images that are yet to be prepared; None where they are.

    Raises:
        DataError: It is a single image.
    """
    if path.is_dir():
        if is_packed(path):
            return None
        if any((path / name).exists() for name in idx_names()):
            return read_idx_folder
        return read_wave_folder if is_folder_of_waves(path) else None
    name = path.name.lower()
    if is_table(path):
        return read_table
    if name.endswith(".txt"):
        return read_text
    if name.endswith(".npz"):
        return read_wave_archive if is_wave_archive(array_names(path)) else read_array_file
    if name.endswith(".npy"):
        return read_array_file
    if zipfile.is_zipfile(path) or _is_tar(path):
        return None
    if path.suffix.lower() in IMAGES:
        raise DataError(f"{path} is one image; give the folder of your images.")
    return read_idx_file


def holds_images(path: Path) -> bool:
    """Whether a path is a folder or an archive of images that are yet to be prepared: no arrays, no shards."""
    return not (path.is_dir() and is_packed(path)) and reader_of(path) is None


def _watched(path: Path) -> list[Path]:
    """The files whose change means that a path is read again."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix.lower() == ".wav" or file.name in idx_names())
    return [file for file in (path, labels_beside(path)) if file is not None]


def _numbers(path: Path, given: str, names: tuple[str, ...]) -> list[int | None]:
    """The values of options in brackets after a path, in the order of their names; None where one is not given.

    Raises:
        DataError: There is another option in brackets, or a value is no whole number above 0.
    """
    values: dict[str, int | None] = dict.fromkeys(names)
    for item in filter(None, (item.strip() for item in given.split(","))):
        key, _, text = (part.strip() for part in item.partition("="))
        if not names:
            raise DataError(f"{path} holds arrays, which are taken as they are; leave out [{given}].")
        if key not in names or not text.isdecimal() or int(text) < 1:
            takes = " and ".join(f"[{name}=N]" for name in names)
            raise DataError(f"data {str(path)!r} takes {takes} with N at least 1, got [{item}].")
        values[key] = int(text)
    return list(values.values())


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
        whole = prepared(path, dataclasses.replace(asked, binary="no"), progress)
        held, name, x = whole, name_of(path, asked), torch.from_numpy(whole.x)
        resident, notices = whole.x.nbytes <= RESIDENT, whole.notices
    chosen = _chosen(path, held.part, split)
    train = held.part == 0
    spec = DataSpec.of(
        name,
        "image",
        tuple(x.shape[1:]),
        len(held.labels) or None,
        count=int(train.sum()),
        labels=held.labels,
        shares=() if held.label is None else shares_of(held.label[train], len(held.labels)),
    )
    label = None if held.label is None else torch.from_numpy(held.label)
    rows, fingerprint = torch.from_numpy(chosen), held.fingerprints[split]
    fields: dict[str, Tensor | Gathered] = {"x": x}
    if label is not None:
        fields["label"] = label
    made = Arrays(spec, fields, seed, device, rows, fingerprint, resident, notices)
    return made if asked.binary == "no" else made.binarized(asked.binary)


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


def name_of(path: Path, asked: Asked | None = None, given: str = "") -> str:
    """The name of data at a path: the folder or the file without its endings, with its options.

    Arguments:
        path: Of the data.
        asked: Options of images.
        given: Options of other data, as they stand in brackets.
    """
    name = path.resolve().name if path.is_dir() else path.name.partition(".")[0]
    told = given if asked is None else said(asked)
    return f"{name}[{told}]" if told else name
