"""The progress of work on many files, as one line on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def looking(verb: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """One line on a terminal, written anew ten times a second; silent elsewhere.

    Arguments:
        verb: Of the work on a file: ``looking at``.
    """
    if not sys.stderr.isatty():
        yield None
        return
    last, shown = 0.0, False

    def show(done: int, total: int | None) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if now - last >= 0.1 or done == total:
            last, shown = now, True
            of = f" of {total:,}" if total is not None else ""
            print(f"\r{verb} file {done:,}{of}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown:
            print(file=sys.stderr)
