"""How far a look through many files has come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def looking(what: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """One line on a terminal, written anew ten times a second; silent elsewhere.

    Arguments:
        what: Is being done to a file: ``looking at``.
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
            print(f"\r{what} file {done:,}{of}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown:
            print(file=sys.stderr)
