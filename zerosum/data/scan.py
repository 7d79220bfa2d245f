"""A scan of a folder or an archive of images, by reading every one of them once."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from zerosum.data import near_duplicates
from zerosum.data.images import decode
from zerosum.data.labels import find_labels, split_folders
from zerosum.data.members import Form, form_of
from zerosum.data.splits import SPLITS
from zerosum.data.walk import Progress, walk

_FREQUENT = 5


@dataclass(frozen=True)
class Sizes:
    """(width, height) as the images are seen.

    Attributes:
        different: How many sizes there are.
        smallest: By pixels.
        median: By pixels.
        largest: By pixels.
        frequent: The most frequent, with how many images have them.
    """

    different: int
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    frequent: tuple[tuple[tuple[int, int], int], ...]


@dataclass(frozen=True)
class Labels:
    """Labels and where they come from.

    Attributes:
        source: ``folders``, or the path of the file.
        counts: Images by label.
        without: Images that have none.
        absent: Names in the file that no image has.
        undecided: Why the file gave no labels, though it may.
    """

    source: str
    counts: dict[str, int]
    without: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    undecided: str = ""


@dataclass(frozen=True)
class Scan:
    """The result of a scan.

    Attributes:
        path: As given.
        form: ``folder``, ``zip`` or ``tar``.
        images: Those that can be read.
        seconds: It took.
        modes: Images by the mode of their file, as Pillow names it.
        channels: Images by channels as they are read: 1 grey, 2 grey with opacity, 3 colour, 4 colour with opacity.
        turned: Images whose orientation said to turn or flip them.
        animated: Images with more than their first frame.
        stretched: Images whose own least and largest value became 0 and 255.
        bad: Files that cannot be used: name and cause.
        left_alone: Files that are no images, by what they are.
        sizes: None without images.
        labels: None without labels.
        splits: Images by split, where the first folders are called as splits are.
        equal: Groups of images of the same pixels.
        near: Groups of images that are nearly the same; of equal ones the first stands for all.
        clear: Images of which something can be seen through.
    """

    path: str
    form: Form
    images: int
    seconds: float
    modes: dict[str, int]
    channels: dict[int, int]
    turned: int
    animated: int
    stretched: int
    bad: tuple[tuple[str, str], ...]
    left_alone: dict[str, int]
    sizes: Sizes | None
    labels: Labels | None
    splits: dict[str, int]
    equal: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    clear: int


@dataclass
class _Found:
    """Facts about every image, some 350 bytes with its name."""

    names: list[str] = field(default_factory=list)
    widths: array[int] = field(default_factory=lambda: array("I"))
    heights: array[int] = field(default_factory=lambda: array("I"))
    digests: bytearray = field(default_factory=bytearray)
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    pictures: bytearray = field(default_factory=bytearray)
    modes: Counter[str] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[str, str]] = field(default_factory=list)
    left_alone: Counter[str] = field(default_factory=Counter)
    label_files: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, look: _Look) -> None:
        self.names.append(name)
        self.widths.append(look.width)
        self.heights.append(look.height)
        self.digests += look.digest
        self.hashes.append(look.hash)
        self.pictures += look.picture
        self.modes[look.mode] += 1
        self.channels[look.channels] += 1
        self.remarks.update(look.remarks)


@dataclass(frozen=True)
class _Look:
    width: int
    height: int
    channels: int
    mode: str
    remarks: tuple[str, ...]
    digest: bytes
    hash: int
    picture: bytes


def scan(path: Path, column: str | None = None, progress: Progress | None = None) -> Scan:
    """Look at every file of a folder (with all below it), a zip or a tar.

    Images are decoded whole, a few at a time, so that a file cut short is found; memory grows by some 300 bytes and
    the name of each. Labels come from ``labels.csv`` or ``labels.json`` inside, or beside as that or as
    ``NAME_labels.csv``; else from the first folders in which the images part; nothing is written.

    Arguments:
        path: Where they are.
        column: Which column of a CSV holds the labels, where it has several.
        progress: Told after every file.

    Raises:
        DataError: There is no folder or archive.
    """
    began = time.perf_counter()
    form = form_of(path)
    found = _Found()
    _look_at_all(path, found, progress)
    equal, alone = _equal(found)
    tops = split_folders(found.names)
    labels = _labels(path, found, column)  # first: what is bad in them counts as well
    return Scan(
        path=str(path),
        form=form,
        images=len(found.names),
        modes=dict(found.modes.most_common()),
        channels=dict(sorted(found.channels.items())),
        turned=found.remarks["turned"],
        animated=found.remarks["animated"],
        stretched=found.remarks["stretched"],
        bad=tuple(found.bad),
        left_alone=dict(found.left_alone.most_common()),
        labels=labels,
        splits={name: tops.count(name) for name in SPLITS if name in tops} if tops else {},
        sizes=_sizes(found),
        equal=equal,
        near=_near(found, alone),
        clear=found.remarks["clear"],
        seconds=time.perf_counter() - began,
    )


def _look_at_all(path: Path, found: _Found, progress: Progress | None) -> None:
    for seen in walk(path, _look, progress):
        if seen.look is not None:
            found.add(seen.name, seen.look)
        elif seen.labels is not None:
            found.label_files[seen.name] = seen.labels
        elif seen.bad:
            found.bad.append((seen.name, seen.bad))
        else:
            found.left_alone[seen.aside] += 1


def _look(data: bytes) -> _Look:
    image = decode(data)
    height, width, channels = image.pixels.shape
    digest = hashlib.sha256(f"{width}x{height}x{channels}:".encode())
    digest.update(image.pixels.data)
    picture = near_duplicates.small(image.pixels)
    return _Look(
        width,
        height,
        channels,
        image.mode,
        tuple(name for name in ("turned", "animated", "stretched", "clear") if getattr(image, name)),
        digest.digest()[:16],
        near_duplicates.difference_hash(picture),
        picture.tobytes(),
    )


def _sizes(found: _Found) -> Sizes | None:
    if not found.names:
        return None
    both = np.stack([np.array(found.widths, np.int64), np.array(found.heights, np.int64)], 1)
    order = np.argsort(both[:, 0] * both[:, 1], kind="stable")
    kinds, counts = np.unique(both, axis=0, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:_FREQUENT]

    def pair(row: npt.NDArray[np.int64]) -> tuple[int, int]:
        return int(row[0]), int(row[1])

    return Sizes(
        len(kinds),
        pair(both[order[0]]),
        pair(both[order[(len(order) - 1) // 2]]),
        pair(both[order[-1]]),
        tuple((pair(kinds[place]), int(counts[place])) for place in frequent),
    )


def _equal(found: _Found) -> tuple[tuple[tuple[str, ...], ...], npt.NDArray[np.int64]]:
    """Groups of equal pixels, and the first place of every image that is not a repetition."""
    digests = np.frombuffer(found.digests, "V16")
    if not len(digests):
        return (), np.zeros(0, np.int64)
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    order = np.argsort(which, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(which[order])) + 1)
    named = sorted((group for group in groups if len(group) > 1), key=lambda group: int(group[0]))
    return tuple(tuple(found.names[place] for place in group) for group in named), np.sort(first)


def _near(found: _Found, alone: npt.NDArray[np.int64]) -> tuple[tuple[str, ...], ...]:
    hashes = np.array(found.hashes, np.uint64)[alone]
    pictures = np.frombuffer(found.pictures, np.uint8).reshape(-1, 8, 9, 3)
    if len(alone) < len(pictures):
        pictures = pictures[alone]
    return tuple(
        tuple(found.names[alone[place]] for place in group) for group in near_duplicates.near(hashes, pictures)
    )


def _labels(path: Path, found: _Found, column: str | None) -> Labels | None:
    """Labels with how many images each has; a file of them that cannot be used is one more bad one."""
    labelling, bad = find_labels(path, found.names, found.label_files, column)
    found.bad += bad
    used = None if labelling is None else labelling.source
    found.left_alone.update(PurePosixPath(name).suffix.lower() for name in found.label_files if name != used)
    if labelling is None:
        return None
    counts = Counter(label for label in labelling.of if label is not None)
    without = tuple(name for name, label in zip(found.names, labelling.of, strict=True) if label is None)
    if labelling.undecided:
        return Labels(labelling.source, {}, undecided=labelling.undecided)
    return Labels(labelling.source, dict(sorted(counts.items())), without, labelling.absent)
