"""The files a path holds, one after another: a tree of folders, a zip, a tar. Nothing is ever unpacked to the disk."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from zerosum.data.images import IMAGES
from zerosum.errors import DataError

Form = Literal["folder", "zip", "tar"]

MOST_BYTES = 512 << 20
"""A larger file is not read: no image within the limit on pixels needs so many."""

_BLOCK = 1 << 20

LABELS = ("labels.csv", "labels.json")
"""Names of files that may hold the labels."""

_NOBODYS = frozenset({"__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r"})
"""Files that operating systems leave among those of users."""


@dataclass(frozen=True)
class Member:
    """One file.

    Attributes:
        name: Its path inside, with slashes.
        read: Its content; of an archive only while it is the last that was given out. Raises OSError or ValueError.
        refused: Why it must not be read, if so.
        aside: What it is, if it is none of ours: ``hidden``, its ending, ...; empty for images and labels.
    """

    name: str
    read: Callable[[], bytes]
    refused: str = ""
    aside: str = ""


def form_of(path: Path) -> Form:
    """Whether a path is a folder, a zip or a tar, compressed or not.

    Raises:
        DataError: It is none of them.
    """
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise DataError(f"there is nothing at {path}; give a folder, a .zip or a .tar of images.")
    if zipfile.is_zipfile(path):
        return "zip"
    try:
        if path.is_file() and tarfile.is_tarfile(path):
            return "tar"
    except (EOFError, zlib.error):  # a compressed one, cut short in its first block
        pass
    if path.suffix.lower() in IMAGES:
        raise DataError(f"{path} is one image; give the folder of your images.")
    raise DataError(f"{path} is no folder, zip or tar, or it is cut short; give one of these, whole.")


def members(path: Path) -> Iterator[Member]:
    """Every file of a folder or an archive, in the order of names or of the archive.

    Raises:
        DataError: There is nothing that holds files, or an archive ends too early; what came before is as it should be.
    """
    form = form_of(path)
    if form == "folder":
        try:
            yield from _in_folder(path, "")
        except OSError as error:
            raise DataError(f"{path} cannot be opened ({error.strerror}); change its permissions.") from None
    else:
        try:
            yield from (_in_zip if form == "zip" else _in_tar)(path)
        except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is damaged or cut short ({error}); fetch or make it again.") from None


def count(path: Path) -> int | None:
    """Number of members, if it is known without reading all of them."""
    form = form_of(path)
    if form == "folder":
        return sum(1 for _ in members(path))
    if form == "zip":
        try:
            with zipfile.ZipFile(path) as archive:
                return sum(not info.is_dir() for info in archive.infolist())
        except (OSError, zipfile.BadZipFile):
            return None
    return None


def _in_folder(root: Path, under: str) -> Iterator[Member]:
    with os.scandir(root / under) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = under + entry.name
        if entry.is_dir():
            aside = _aside(name + "/") or ("a link to a folder" if entry.is_symlink() else "")
            if aside:
                yield Member(name, Path(entry.path).read_bytes, aside=aside)
                continue
            try:
                yield from _in_folder(root, name + "/")
            except PermissionError as error:
                yield Member(name, Path(entry.path).read_bytes, refused=f"its folder cannot be opened ({error})")
        elif entry.is_file() or not os.path.exists(entry.path):  # a link to nothing is read too, to say so
            yield Member(name, _reader(Path(entry.path).open, "rb"), aside=_aside(name))
        else:  # a pipe or a device would be waited for
            yield Member(name, Path(entry.path).read_bytes, aside="no regular file")


def _in_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            name = _zip_name(info)
            link = stat.S_ISLNK(info.external_attr >> 16)
            yield _archived(name, link, _reader(archive.open, info))


def _in_tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r|*") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep a kilobyte for each
            if info.isdir():
                continue
            if info.isfile() or info.issym() or info.islnk():
                link = not info.isfile()
                yield _archived(info.name.removeprefix("./"), link, _reader(archive.extractfile, info))
            else:
                yield Member(info.name, bytes, aside="no regular file")


def _archived(name: str, link: bool, read: Callable[[], bytes]) -> Member:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or name[1:3] == ":/":
        return Member(name, read, refused="its name leads out of the archive")
    aside = _aside(name)
    if link and not aside:
        return Member(name, read, refused="it is a link, and links in archives are not followed")
    return Member(name, read, aside=aside)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Without the flag for UTF-8 a name is of the system that made the archive, which mostly is UTF-8 all the same."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _reader(open_it: Callable[..., IO[bytes] | None], *arguments: object) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            file = open_it(*arguments)
            if file is None:
                raise ValueError("it is no regular file")
            with file:
                blocks, size = [], 0  # a read of the limit would set aside as much
                while size <= MOST_BYTES and (block := file.read(_BLOCK)):
                    blocks.append(block)
                    size += len(block)
        except (EOFError, zlib.error, RuntimeError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise ValueError(f"it cannot be read from the archive: {error}") from None
        if size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
        return b"".join(blocks)

    return read


def _aside(name: str) -> str:
    """The reason why a file or (with a slash at its end) a folder is left out; empty if it is not."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part in _NOBODYS for part in parts):
        return "hidden"
    ending = PurePosixPath(name).suffix.lower()
    if name.endswith("/") or ending in IMAGES or parts[-1].lower() in LABELS:
        return ""
    return ending or "no ending"
