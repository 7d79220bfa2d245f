"""Every call of ours that changes the disk, so that what may fail is in one place.

A function returns when its effect is on the disk, or raises :class:`OSError`. They are called as ``files.write(...)``,
through the module, which is where tests make them fail.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def append(path: Path, data: bytes) -> None:
    """Add to the end of a file; on an error it is as long as before. :func:`sync` waits for the disk."""
    # Unbuffered: a buffer would try to write its rest once more when it is closed, behind the cut.
    with path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(size)
            raise


def truncate(path: Path, size: int) -> None:
    """Cut a file to its first ``size`` bytes."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such call for folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it."""
    path.mkdir(parents=True, exist_ok=True)


def rename(source: Path, target: Path) -> None:
    """Give a folder its final name, which nothing has yet."""
    source.rename(target)
    sync(target.parent)


def replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another: readers see the old one or the new one, whole."""
    new = path.with_name(path.name + ".new")
    write(new, data)
    new.replace(path)
    sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def free(path: Path) -> int:
    """Bytes that can still be written where the path is."""
    return shutil.disk_usage(path).free
