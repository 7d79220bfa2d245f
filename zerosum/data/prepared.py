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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zerosum.data.image_options import Asked
from zerosum.data.images import Pixels, decoder
from zerosum.data.labels import files_beside
from zerosum.data.members import form_of
from zerosum.data.preparing import write
from zerosum.data.walk import Progress
from zerosum.errors import DataError

CACHE = "ZEROSUM_CACHE"
"""Environment variable: the folder prepared images are kept in."""

VERSION = 1
"""Of what is done to an image; another makes all that is kept anew."""


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
    """The folder of prepared images: ``$ZEROSUM_CACHE``, or a cache in the user's home."""
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


def _make(path: Path, asked: Asked, key: str, place: Path, progress: Progress | None) -> None:
    try:
        for old in place.parent.glob(f"{place.name}.new-*"):  # of a process that was killed
            shutil.rmtree(old, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f"{place.name}.new-", dir=place.parent))
        try:
            with (new / "x.npy").open("w+b") as file:
                about = write(path, asked, file, progress)
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
