"""A cache of what was read from files, while they stay as they are: one training opens its data several times."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def remembered(read: Callable[..., Any], *paths: Any, watch: Sequence[Path] | None = None) -> Any:
    """``read(*paths)``, anew only when one of the files has changed.

    Arguments:
        read: Reads the files; a function of a module, as it is part of the key.
        paths: Its arguments, the paths it reads among them.
        watch: The files whose size and time count; ``paths`` by default.
    """
    stamps = tuple((p, p.stat().st_mtime_ns, p.stat().st_size) for p in (paths if watch is None else watch))
    return _remembered(read, paths, stamps)


@functools.lru_cache(maxsize=4)
def _remembered(read: Callable[..., Any], paths: tuple[Any, ...], stamps: tuple[tuple[Path, int, int], ...]) -> Any:
    return read(*paths)
