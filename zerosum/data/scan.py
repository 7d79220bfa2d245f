"""What is in a folder or an archive of images, found by reading every one of them once."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from zerosum.data import likeness
from zerosum.data.images import decode, plainly
from zerosum.data.labels import Undecided, label_of, read_labels
from zerosum.data.members import LABELS, Form, Member, count, form_of, members
from zerosum.errors import DataError

Progress = Callable[[int, int | None], None]
"""Told how many files have been looked at, and of how many where that is known."""

SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
"""Names of folders that are rather splits than labels."""

_FREQUENT = 5
_THREADS = 4


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

    @property
    def splits(self) -> bool:
        """Whether the folders are called as splits are, not labels."""
        return self.source == "folders" and {name.lower() for name in self.counts} <= SPLITS


@dataclass(frozen=True)
class Scan:
    """What a path holds.

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
        equal: Groups of images of the same pixels.
        near: Groups of images that are nearly the same; of equal ones the first stands for all.
        flat: Whether all images lie in the folder itself, with no other folder beside them.
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
    equal: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    flat: bool

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What keeps training from reading the path today, a clause each."""
        found = []
        if self.form != "folder":
            found.append(f"it is a {self.form}, and training reads a folder")
        elif not self.flat:
            found.append("it has folders in it, and training reads images that lie side by side in one")
        if self.sizes is not None and self.sizes.different > 1:
            found.append(f"its images have {self.sizes.different:,} sizes, and training reads one")
        if self.bad:
            found.append("it has bad files, and training stops at them")
        return tuple(found)


@dataclass
class _Found:
    """What is kept of every image, some 350 bytes with its name."""

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
    with plainly():
        _look_at_all(path, found, progress)
    equal, alone = _equal(found)
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
        sizes=_sizes(found),
        equal=equal,
        near=_near(found, alone),
        flat=form == "folder" and not any(p.is_dir() and not p.name.startswith(".") for p in path.iterdir()),
        seconds=time.perf_counter() - began,
    )


def _look_at_all(path: Path, found: _Found, progress: Progress | None) -> None:
    """Read in this thread, decode in a few others; no more wait to be decoded than there are threads."""
    total = count(path) if progress else None
    threads = min(_THREADS, os.cpu_count() or 1)
    waiting: deque[tuple[str, Future[_Look]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for done, member in enumerate(_until_damage(path, found), 1):
            data = _content(member, found)
            if data is not None:
                waiting.append((member.name, pool.submit(_look, data)))
                del data
            while len(waiting) > threads:
                _take(waiting, found)
            if progress:
                progress(done, total)
        while waiting:
            _take(waiting, found)


def _until_damage(path: Path, found: _Found) -> Iterator[Member]:
    """An archive that ends too early is one more bad file, after those that came before."""
    try:
        yield from members(path)
    except DataError as error:
        found.bad.append((path.name, str(error)))


def _content(member: Member, found: _Found) -> bytes | None:
    """The bytes of an image; whatever else the member is, is noted."""
    if member.refused:
        found.bad.append((member.name, member.refused))
        return None
    if member.aside:
        found.left_alone[member.aside] += 1
        return None
    try:
        data = member.read()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found.bad.append((member.name, cause))
        return None
    if PurePosixPath(member.name).name.lower() in LABELS:
        found.label_files[member.name] = data
        return None
    return data


def _take(waiting: deque[tuple[str, Future[_Look]]], found: _Found) -> None:
    name, future = waiting.popleft()
    try:
        found.add(name, future.result())
    except ValueError as error:
        found.bad.append((name, str(error)))


def _look(data: bytes) -> _Look:
    image = decode(data)
    height, width, channels = image.pixels.shape
    digest = hashlib.sha256(f"{width}x{height}x{channels}:".encode())
    digest.update(image.pixels.data)
    picture = likeness.small(image.pixels)
    return _Look(
        width,
        height,
        channels,
        image.mode,
        tuple(name for name in ("turned", "animated", "stretched") if getattr(image, name)),
        digest.digest()[:16],
        likeness.difference_hash(picture),
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
    return tuple(tuple(found.names[alone[place]] for place in group) for group in likeness.near(hashes, pictures))


def _labels(path: Path, found: _Found, column: str | None) -> Labels | None:
    """Labels by the file that has them, else by folder; a file that cannot be used is one more bad one."""
    root = _common_folder(found.names)
    where = _label_file(path, found, root)
    found.left_alone.update(PurePosixPath(name).suffix.lower() for name in found.label_files)  # that are not the ones
    if where is not None:
        name, under, data = where
        try:
            return _by_file(found, name, under, read_labels(data, name, column))
        except Undecided as error:
            return Labels(name, {}, undecided=str(error))
        except ValueError as error:
            found.bad.append((name, str(error)))
            return None
    if column is not None:
        found.bad.append((path.name, f"there is no labels.csv in it or beside it that could have a column {column}"))
    firsts = [name[len(root) :].partition("/") for name in found.names]
    if not any(slash for _, slash, _ in firsts):
        return None
    counts = Counter(folder for folder, slash, _ in firsts if slash)
    without = tuple(name for name, (_, slash, _) in zip(found.names, firsts, strict=True) if not slash)
    return Labels("folders", dict(sorted(counts.items())), without)


def _common_folder(names: list[str]) -> str:
    """The folder all images lie in, with a slash at its end; empty for the path itself."""
    if not names:
        return ""
    low, high = (name.split("/")[:-1] for name in (min(names), max(names)))
    same = itertools.takewhile(lambda parts: parts[0] == parts[1], zip(low, high, strict=False))
    return "".join(f"{part}/" for part, _ in same)


def _label_file(path: Path, found: _Found, root: str) -> tuple[str, str, bytes] | None:
    """Name, the folder its names start from, and content of the file of labels that holds for these images."""
    for under in dict.fromkeys((root, "")):
        wanted = {(under + name).lower() for name in LABELS}
        inside = [name for name in found.label_files if name.lower() in wanted]
        if len(inside) > 1:
            found.bad += [(name, "there are two files of labels; keep one") for name in inside]
            return None
        if inside:
            return inside[0], under, found.label_files.pop(inside[0])
    stem = re.sub(r"\.(zip|tgz|tar(\.\w+)?)$", "", path.resolve().name, flags=re.IGNORECASE)
    beside = [f"{stem}_{name}" for name in LABELS] + (list(LABELS) if path.is_file() else [])
    for name in beside:
        file = path.resolve().parent / name
        if file.is_file():
            return str(path.parent / name), "", file.read_bytes()
    return None


def _by_file(found: _Found, source: str, under: str, labels: dict[str, str]) -> Labels:
    counts: Counter[str] = Counter()
    without, used = [], set()
    for name in found.names:
        entry = label_of(labels, name, under)
        if entry is None:
            without.append(name)
        else:
            used.add(entry[0])
            counts[entry[1]] += 1
    absent = tuple(key for key in labels if key not in used)
    return Labels(source, dict(sorted(counts.items())), tuple(without), absent)
