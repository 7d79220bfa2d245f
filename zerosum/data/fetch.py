"""Fetching a data set's files from their mirrors, each checked by SHA-256 before it gets its name."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from zerosum.data.mirrors import Remote
from zerosum.errors import DataError

BLOCK = 1 << 20
PATIENCE = 30.0
"""Seconds without a byte after which a mirror is given up."""


def fetch(name: str, files: Sequence[Remote], mirrors: Sequence[str], folder: Path) -> None:
    """Download the files that are not in the folder yet, from the first mirror that serves them whole.

    Progress goes to the terminal, if there is one.

    Arguments:
        name: Of the data set, for the message.
        files: What it is made of.
        mirrors: Addresses the files' names are added to.
        folder: Where they go.

    Raises:
        DataError: No mirror served a file, or the folder cannot be written; the message says where to put it.
    """
    missing = [remote for remote in files if not (folder / remote.name).exists()]
    if not missing:
        return
    from http.client import HTTPException  # with all it imports a tenth of the time to the first round

    for remote in missing:
        reasons = []
        for mirror in mirrors:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _download(mirror + remote.name, remote, folder / remote.name)
                break
            except (OSError, HTTPException) as error:
                reasons.append(f"{mirror}: {error}")
        else:
            names = ", ".join(file.name for file in missing)
            raise DataError(
                f"data {name!r} is not in {folder} and cannot be downloaded ({'; '.join(reasons)}); "
                f"put {names} in {folder}, or say with --data-root where the folder {folder.name} lies."
            )


def _download(address: str, remote: Remote, path: Path) -> None:
    import urllib.request

    new = path.with_name(path.name + ".new")
    digest, done, shown = hashlib.sha256(), 0, -1
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer, new.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(BLOCK):
                file.write(block)
                digest.update(block)
                done += len(block)
                shown = _show(remote.name, done, total, shown)
        if done < total:
            raise OSError(f"it sent {done} of {total} bytes")
        if digest.hexdigest() != remote.sha256:
            raise OSError(f"what it sent has SHA-256 {digest.hexdigest()[:12]}..., not {remote.sha256[:12]}...")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _show(name: str, done: int, total: int, shown: int) -> int:
    """One line of progress, written anew at every percent on a terminal; silent elsewhere."""
    percent = 100 * done // total if total else -1
    if sys.stderr.isatty() and percent != shown:
        end = "\n" if done == total else ""
        print(f"\rdownloading {name}: {percent} % of {total / BLOCK:,.1f} MiB", end=end, file=sys.stderr, flush=True)
    return percent
