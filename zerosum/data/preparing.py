"""Preparation of images of one's own: decoded and fitted one by one, written as one array, numbered and parted."""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zerosum.data.fit import fitted
from zerosum.data.image_options import CHANNELS, Asked
from zerosum.data.images import IMAGES, Pixels, decode
from zerosum.data.labels import FOLDERS, Labelling, find_labels, split_folders
from zerosum.data.splits import SPLITS, parts, place
from zerosum.data.walk import Progress, walk
from zerosum.errors import DataError

_HEADER = 128
_SHOWN = 5


@dataclass(frozen=True)
class _Look:
    pixels: Pixels
    size: tuple[int, int]
    place: float


@dataclass
class _Found:
    names: list[str] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    smaller: int = 0


def write(path: Path, asked: Asked, file: BinaryIO, progress: Progress | None) -> dict[str, Any]:
    """All images into a file as one array in numpy's format, a few at a time.

    Arguments:
        path: A folder, a zip or a tar.
        asked: What the images are to become.
        file: New, open for reading and writing.
        progress: Told after every file that is read.

    Returns:
        What is to be known of them: ``shape``; ``part`` and ``label`` of each, ``labels`` by name; ``fingerprints`` of
        the splits; ``notices`` for the user.

    Raises:
        DataError: There are no images, of several sizes where none is asked for, or files that cannot be used.
    """
    found = _Found()
    rows = _Rows(file, CHANNELS.get(asked.colour))
    first: tuple[str, tuple[int, int]] | None = None
    look = functools.partial(_look, asked=asked)
    for seen in walk(path, look, progress):
        if seen.labels is not None:
            found.files[seen.name] = seen.labels
        elif seen.bad:
            found.bad.append((seen.name, seen.bad))
        elif seen.look is not None:
            size = seen.look.size
            first = first or (seen.name, size)
            if asked.size is None and size != first[1]:
                raise DataError(
                    f"{path} has images of several sizes: {first[0]} is {_by(first[1])}, {seen.name} is {_by(size)}; "
                    f"make them of one size, or say which they should become, for instance --data '{path}[size=64]'."
                )
            found.names.append(seen.name)
            found.places.append(seen.look.place)
            found.smaller += asked.size is not None and min(size) < asked.size
            rows.add(seen.look.pixels)
    labelling = None
    if asked.label != "none":
        labelling, bad = find_labels(path, found.names, found.files, asked.label)
        found.bad += bad
    if asked.bad == "stop":
        refuse_bad(path, found.bad)
    if not found.names:
        raise DataError(f"{path} holds no images ({', '.join(sorted(IMAGES))}); put some there.")
    shape = rows.finish()
    label, labels, notices = _numbered(labelling, len(found.names))
    part = _parted(found)
    return {
        "shape": shape,
        "part": part.tolist(),
        "label": None if label is None else label.tolist(),
        "labels": labels,
        "fingerprints": _fingerprints(file, shape, label, part),
        "notices": [*_remarks(found, asked), *notices],
    }


def _look(data: bytes, asked: Asked) -> _Look:
    # Of a JPEG a quarter more than the side, so that the last step of the way is the filter's and not the decoder's.
    enough = None if asked.size is None else asked.size + (asked.size + 3) // 4
    image = decode(data, None if enough is None else (enough, enough))
    channels = CHANNELS.get(asked.colour) or (1 if image.pixels.shape[2] < 3 else 3)
    pixels = fitted(image.pixels, channels, asked.size, asked.fit)
    return _Look(pixels, image.size, place(data))


class _Rows:
    """An array of images, written as they come; grey ones become colour from the first that is."""

    def __init__(self, file: BinaryIO, channels: int | None):
        self._file, self._channels = file, channels
        self._shape: tuple[int, int] = (0, 0)
        self._count = 0
        file.write(b"\0" * _HEADER)

    def add(self, pixels: Pixels) -> None:
        self._channels = self._channels or pixels.shape[0]
        self._shape = pixels.shape[1:]
        if pixels.shape[0] > self._channels:
            self._widen(pixels.shape[0])
        if pixels.shape[0] < self._channels:
            pixels = np.repeat(pixels, self._channels, 0)
        self._file.write(pixels.tobytes())
        self._count += 1

    def finish(self) -> tuple[int, ...]:
        """Write the header; the shape of it all."""
        assert self._channels is not None
        shape = (self._count, self._channels, *self._shape)
        text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(_HEADER - 11) + "\n"
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little") + text.encode("latin1"))
        self._file.seek(0, os.SEEK_END)
        return shape

    def _widen(self, channels: int) -> None:
        """Grey images written so far, from the last to the first, as so many equal channels."""
        plane = self._shape[0] * self._shape[1]
        for number in range(self._count - 1, -1, -1):
            self._file.seek(_HEADER + number * plane)
            grey = self._file.read(plane)
            self._file.seek(_HEADER + number * plane * channels)
            self._file.write(grey * channels)
        self._file.seek(_HEADER + self._count * plane * channels)
        self._channels = channels


def _parted(found: _Found) -> npt.NDArray[np.int64]:
    """By hash; where folders are called as splits are, an image is in that, and what is missing is held out."""
    tops = split_folders(found.names)
    places = np.array(found.places)
    if tops is None:
        return parts(places)
    part = np.array([SPLITS.index(top) for top in tops])
    train = part == 0
    part[train] = parts(places[train], valid="valid" not in tops, test="test" not in tops)
    return part


def _numbered(labelling: Labelling | None, count: int) -> tuple[npt.NDArray[np.int64] | None, list[str], list[str]]:
    """Labels as numbers in the order of their names, the names, and why there are none though there might be."""
    if labelling is None:
        return None, [], []
    without = sum(label is None for label in labelling.of)
    where = "the folders" if labelling.source == FOLDERS else labelling.source
    if labelling.undecided:
        return (
            None,
            [],
            [f"no labels are taken: of {where}, {labelling.undecided}; choose one by [label=COLUMN]."],
        )
    if without:
        return None, [], [f"no labels are taken: {without:,} of {count:,} images have none in {where}."]
    counts = Counter(label for label in labelling.of if label is not None)
    if sum(1 for n in counts.values() if n == 1) > len(counts) / 2:
        return None, [], [f"no labels are taken: most of the {len(counts):,} in {where} are of one image alone."]
    if len(counts) < 2:
        return None, [], []
    number = all(label.removeprefix("-").isdecimal() for label in counts)
    names = sorted(counts, key=int) if number else sorted(counts)
    index = {name: place for place, name in enumerate(names)}
    return np.array([index[str(label)] for label in labelling.of], np.int64), names, []


def _remarks(found: _Found, asked: Asked) -> list[str]:
    told = []
    if found.bad:
        told.append(f"{len(found.bad):,} bad files are left out (zerosum data scan lists them).")
    if found.smaller:
        told.append(
            f"{found.smaller:,} of {len(found.names):,} images are smaller than {asked.size} pixels and were enlarged."
        )
    return told


def refuse_bad(path: Path, bad: Sequence[tuple[str, str]]) -> None:
    """Stop where there are files that cannot be used.

    Arguments:
        path: Where they are.
        bad: Name and cause of each.

    Raises:
        DataError: There are any; the message names the first few.
    """
    if not bad:
        return
    shown = "; ".join(f"{name}: {cause}" for name, cause in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN:,} more, which zerosum data scan lists" if len(bad) > _SHOWN else ""
    raise DataError(
        f"{path} has {len(bad):,} bad file{'' if len(bad) == 1 else 's'} ({shown}{more}); mend or remove what is bad, "
        f"or leave it out with --data '{path}[bad=skip]'."
    )


def _fingerprints(
    file: BinaryIO, shape: tuple[int, ...], label: npt.NDArray[np.int64] | None, part: npt.NDArray[np.int64]
) -> dict[str, str]:
    """As :class:`~zerosum.data.arrays.Arrays` takes them of what it holds."""
    size = int(np.prod(shape[1:]))
    found = {}
    for number, split in enumerate(SPLITS):
        rows = np.flatnonzero(part == number)
        digest = hashlib.sha256(f"torch.uint8 {(len(rows), *shape[1:])}".encode())
        for row in rows:
            file.seek(_HEADER + int(row) * size)
            digest.update(file.read(size))
        if label is not None:
            digest.update(f"torch.int64 {(len(rows),)}".encode())
            digest.update(label[rows].tobytes())
        found[split] = digest.hexdigest()
    return found


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
