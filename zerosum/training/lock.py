"""One run, one process: the lock of a run folder.

The operating system's own file lock decides, and it goes with its process however that ends; what is written in the
file only says who has it.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from zerosum.errors import RunError

NAME = "run.lock"


class Lock:
    """Held from construction to :meth:`release`.

    Arguments:
        folder: The run folder, which must exist.

    Attributes:
        notice: A sentence where the lock of a dead process was taken over, else None.

    Raises:
        RunError: Another process has it, or one on another host may have.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self.notice: str | None = None
        self._descriptor: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            self._descriptor = None
            raise

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self) -> None:
        assert self._descriptor is not None
        taken = _try_lock(self._descriptor)
        holder = self._holder()
        if not taken:
            raise RunError(
                f"{self.path.parent} is being trained by {_say(holder)}; wait for it, stop it, or choose another --out."
            )
        if holder is not None:
            # Left behind. A lock of another host tells nothing about that host: its file lock may not reach here.
            if holder.get("host") != platform.node():
                raise RunError(
                    f"{self.path.parent} is marked as being trained by {_say(holder)}, on another host; "
                    f"if that run is dead, remove {self.path}."
                )
            self.notice = f"took over the lock of {_say(holder)}, which is gone."
        mine = {"pid": os.getpid(), "host": platform.node(), "start": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, json.dumps(mine).encode())

    def _holder(self) -> dict[str, object] | None:
        text = self.path.read_text(errors="replace").strip()
        if not text:
            return None
        try:
            holder = json.loads(text)
        except ValueError:
            holder = None
        return holder if isinstance(holder, dict) else {"pid": "?", "host": platform.node(), "start": "?"}


def _say(holder: dict[str, object] | None) -> str:
    holder = holder or {}
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('start', '?')}"


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far past the text, which others must be able to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
