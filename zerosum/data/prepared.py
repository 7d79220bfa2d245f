"""Images of a folder or an archive, decoded and fitted once and kept in one array that later runs map into memory.

What is kept lies in a folder of its own under :func:`cache_root`, by the path and by what was asked. It holds
``x.npy``, (n, C, H, W) uint8 in the order of the source, and ``about.json`` with the key of what it was made from:
names, sizes and times of all files. A folder appears there only when it is whole, by one renaming, and is used only
while its key is that of the source.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from zerosum.data.fit import Fit, fitted
from zerosum.data.images import IMAGES, Pixels, decode, decoder
from zerosum.data.labels import FOLDERS, SPLITS, Labelling, are_splits, common_folder, files_beside, find_labels
from zerosum.data.members import form_of
from zerosum.data.splits import parts
from zerosum.data.walk import Progress, walk
from zerosum.errors import DataError

CACHE = "ZEROSUM_CACHE"
"""Environment variable: the folder prepared images are kept in."""

VERSION = 1
"""Of what is done to an image; another makes all that is kept anew."""

MOST_SIDE = 4096

_HEADER = 128
_SHOWN = 5


@dataclass(frozen=True)
class Asked:
    """How images are to be prepared.

    Attributes:
        size: Side of the square they become [pixels]; None leaves them as they are, all of one size.
        fit: How an image that is no square becomes one: ``crop`` takes its middle, ``pad`` lays it on white (on nothing
            where opacity is kept), ``stretch`` pulls it out of shape.
        colour: ``grey``, ``rgb``, ``rgba`` (with opacity); ``auto`` is grey if all are, else rgb.
        label: The column of a CSV that holds the labels, where it has several; ``none`` takes no labels.
        bad: What is done with files that cannot be used: ``stop``, or ``skip`` to leave them out.
    """

    size: int | None = None
    fit: Fit = "crop"
    colour: Literal["auto", "grey", "rgb", "rgba"] = "auto"
    label: str | None = None
    bad: Literal["stop", "skip"] = "stop"


@dataclass(frozen=True)
class Prepared:
    """Images as they are kept.

    Attributes:
        x: (n, C, H, W) uint8, mapped from the file.
        label: (n,) int64, or None.
        labels: What they are called.
        part: (n,): 0 train, 1 valid, 2 test.
        fingerprints: Of each split, by name.
        notices: What a user should know of them.
    """

    x: Pixels
    label: npt.NDArray[np.int64] | None
    labels: tuple[str, ...]
    part: npt.NDArray[np.int64]
    fingerprints: dict[str, str]
    notices: tuple[str, ...]


def cache_root() -> Path:
    """Where prepared images are kept: ``$ZEROSUM_CACHE``, or a cache in the user's home."""
    if given := os.environ.get(CACHE):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zerosum" / "prepared"


def prepared(path: Path, asked: Asked, progress: Progress | None = None) -> Prepared:
    """The images of a path as they are asked for, prepared now if they are not kept already.

    Arguments:
        path: A folder, a zip or a tar.
        asked: What they are to become.
        progress: Told after every file, where they are prepared now.

    Raises:
        DataError: There are no images, or not as asked; files that cannot be used, where they are not to be skipped;
            the cache cannot be written.
    """
    key = _key(path, asked)
    place = _place(path, asked)
    with _alone(place):
        if not _is_whole(place, key):
            _make(path, asked, key, place, progress)
            if _key(path, asked) != key:
                shutil.rmtree(place)
                raise DataError(f"{path} changed while it was read; begin again when it is at rest.")
        return _kept(place, key)


# -- what is kept --------------------------------------------------------------------------------------------------


def _place(path: Path, asked: Asked) -> Path:
    name = hashlib.sha256(f"{path.resolve()}\n{json.dumps(asdict(asked))}".encode(errors="surrogateescape")).hexdigest()
    plain = "".join(c if c.isalnum() else "-" for c in path.resolve().name)[:40]
    return cache_root() / f"{plain}-{name[:16]}"


def _key(path: Path, asked: Asked) -> str:
    """Of everything that what is kept depends on."""
    digest = hashlib.sha256(json.dumps([VERSION, asdict(asked), decoder() if asked.size else ""]).encode())
    form_of(path)
    beside = [file for file in files_beside(path) if file.is_file()]
    for name, info in (*_files(path), *((str(file), file.stat()) for file in beside)):
        digest.update(f"{name}\0{info.st_size}\0{info.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    if not path.is_dir():
        yield "", path.stat()
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            whole = os.path.join(folder, name)
            with contextlib.suppress(OSError):  # a link to nothing is a bad file, when it is read
                info = os.stat(whole)
                if stat.S_ISREG(info.st_mode):
                    yield os.path.relpath(whole, path), info


def _is_whole(place: Path, key: str) -> bool:
    try:
        about = json.loads((place / "about.json").read_bytes())
        size = (place / "x.npy").stat().st_size
    except (OSError, ValueError):
        return False
    return bool(about.get("key") == key and size == about.get("bytes"))


@functools.lru_cache(maxsize=4)
def _kept(place: Path, key: str) -> Prepared:
    about = json.loads((place / "about.json").read_bytes())
    x = np.load(place / "x.npy", mmap_mode="c")
    label = None if about["label"] is None else np.array(about["label"], np.int64)
    part = np.array(about["part"], np.int64)
    return Prepared(x, label, tuple(about["labels"]), part, dict(about["fingerprints"]), tuple(about["notices"]))


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process prepares, the others wait for it."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(place.parent / f"{place.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _no_room(place.parent, error) from None
    try:
        with contextlib.suppress(ImportError):  # on Windows two may do the work of one
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _no_room(place: Path, error: OSError) -> DataError:
    remedy = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"set {CACHE} to a folder that can"
    return DataError(f"prepared images cannot be written to {place} ({error.strerror}); {remedy}.")


# -- how it is made ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    pixels: Pixels
    channels: int
    size: tuple[int, int]
    place: float


@dataclass
class _Found:
    names: list[str] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    smaller: int = 0


def _make(path: Path, asked: Asked, key: str, place: Path, progress: Progress | None) -> None:
    try:
        for old in place.parent.glob(f"{place.name}.new-*"):  # of a process that was killed
            shutil.rmtree(old, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f"{place.name}.new-", dir=place.parent))
        try:
            with (new / "x.npy").open("w+b") as file:
                about = _write(path, asked, file, progress)
                file.flush()
                os.fsync(file.fileno())
            about |= {"key": key, "bytes": (new / "x.npy").stat().st_size, "source": str(path.resolve())}
            with (new / "about.json").open("w") as text:
                json.dump(about, text)
                text.flush()
                os.fsync(text.fileno())
            shutil.rmtree(place, ignore_errors=True)
            new.rename(place)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        raise _no_room(place.parent, error) from None


def _write(path: Path, asked: Asked, file: BinaryIO, progress: Progress | None) -> dict[str, Any]:
    """All images into the file, a few at a time; what is to be known of them."""
    found = _Found()
    rows = _Rows(file, {"grey": 1, "rgb": 3, "rgba": 4, "auto": None}[asked.colour])
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
        labelling, bad = _labelling(path, found, asked)
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
    image = decode(data, _enough(asked))
    channels = {"grey": 1, "rgb": 3, "rgba": 4}.get(asked.colour) or (1 if image.pixels.shape[2] < 3 else 3)
    pixels = fitted(image.pixels, channels, asked.size, asked.fit)
    place = int.from_bytes(hashlib.sha256(data).digest()[:6], "big") / 2**48
    return _Look(pixels, channels, image.size, place)


def _enough(asked: Asked) -> tuple[int, int] | None:
    """A quarter more than the side, so that the last step of the way is the filter's and not the decoder's."""
    return None if asked.size is None else 2 * (asked.size + (asked.size + 3) // 4,)


class _Rows:
    """An array of images, written as they come; grey ones become colour from the first that is."""

    def __init__(self, file: BinaryIO, channels: int | None):
        self._file, self._channels = file, channels
        self._fixed = channels is not None
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


def _labelling(path: Path, found: _Found, asked: Asked) -> tuple[Labelling | None, list[tuple[str, str]]]:
    """Labels; folders that are splits stand above those that are labels."""
    labelling, bad = find_labels(path, found.names, found.files, asked.label)
    if labelling is not None and labelling.source == FOLDERS and _split_folders(found.names):
        root = common_folder(found.names)
        below = [root + name[len(root) :].partition("/")[2] for name in found.names]
        labelling, _ = find_labels(path, below, {})
    return labelling, bad


def _split_folders(names: Sequence[str]) -> list[str] | None:
    """For each image its split, where the first folders are called so."""
    root = common_folder(names)
    firsts = [name[len(root) :].partition("/") for name in names]
    if not firsts or not all(slash for _, slash, _ in firsts) or not are_splits(folder for folder, _, _ in firsts):
        return None
    return [SPLITS[folder.lower()] for folder, _, _ in firsts]


def _parted(found: _Found) -> npt.NDArray[np.int64]:
    """By hash; where folders are called as splits are, an image is in that, and what is missing is held out."""
    tops = _split_folders(found.names)
    places = np.array(found.places)
    if tops is None:
        return parts(places)
    part = np.array([("train", "valid", "test").index(top) for top in tops])
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
    """As :class:`~zerosum.data.stored.Stored` takes them of what it holds."""
    size = int(np.prod(shape[1:]))
    found = {}
    for number, split in enumerate(("train", "valid", "test")):
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
