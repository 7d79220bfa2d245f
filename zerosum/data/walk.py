"""Every image of a folder or an archive looked at once, in the order they lie there."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from zerosum.data.images import plainly
from zerosum.data.members import LABELS, Member, count, members
from zerosum.errors import DataError

Progress = Callable[[int, int | None], None]
"""Told how many files have been looked at, and of how many where that is known."""

T = TypeVar("T")

_THREADS = 4


@dataclass(frozen=True)
class Seen(Generic[T]):
    """One file, and what it turned out to be: just one of these.

    Attributes:
        name: Its path inside.
        look: What was made of an image.
        bad: Why it cannot be used.
        aside: What it is, if it is none of ours.
        labels: The content of a file of labels.
    """

    name: str
    look: T | None = None
    bad: str = ""
    aside: str = ""
    labels: bytes | None = None


def walk(path: Path, look: Callable[[bytes], T], progress: Progress | None = None) -> Iterator[Seen[T]]:
    """Read in this thread, look in a few others; no more wait to be looked at than there are threads.

    Arguments:
        path: A folder, a zip or a tar. An archive that ends too early is one more bad file, after what came before.
        look: What is made of the bytes of an image; raises ValueError where they are none.
        progress: Told after every file.
    """
    total = count(path) if progress else None
    threads = min(_THREADS, os.cpu_count() or 1)
    waiting: deque[Seen[T] | tuple[str, Future[T]]] = deque()
    pending = 0
    with plainly(), ThreadPoolExecutor(threads) as pool:
        for done, (member, damage) in enumerate(_until_damage(path), 1):
            read = Seen[T](path.name, bad=damage) if member is None else _read(member)
            if isinstance(read, Seen):
                waiting.append(read)
            else:
                waiting.append((read[0], pool.submit(look, read[1])))
                pending += 1
            del read
            while waiting and (pending > threads or isinstance(waiting[0], Seen)):
                pending -= not isinstance(waiting[0], Seen)
                yield _seen(waiting.popleft())
            if progress:
                progress(done, total)
        while waiting:
            yield _seen(waiting.popleft())


def _until_damage(path: Path) -> Iterator[tuple[Member | None, str]]:
    try:
        for member in members(path):
            yield member, ""
    except DataError as error:
        yield None, str(error)


def _read(member: Member) -> Seen[T] | tuple[str, bytes]:
    """The name and the bytes of an image, or what else the member is."""
    if member.refused:
        return Seen(member.name, bad=member.refused)
    if member.aside:
        return Seen(member.name, aside=member.aside)
    try:
        data = member.read()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Seen(member.name, bad=cause)
    if PurePosixPath(member.name).name.lower() in LABELS:
        return Seen(member.name, labels=data)
    return member.name, data


def _seen(waiting: Seen[T] | tuple[str, Future[T]]) -> Seen[T]:
    if isinstance(waiting, Seen):
        return waiting
    name, future = waiting
    try:
        return Seen(name, future.result())
    except ValueError as error:
        return Seen(name, bad=str(error))
