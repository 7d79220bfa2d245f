"""A look through data of one's own before anything is trained."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from zerosum.data import scan as scans
from zerosum.data.scan import Progress, Scan as Scan


def scan(path: Path | str, label: str | None = None, out: Path | None = None, progress: Progress | None = None) -> Scan:
    """Look at every file of a folder (with all below it), a zip or a tar; nothing is unpacked or changed.

    Arguments:
        path: Where the images are.
        label: Which column of a ``labels.csv`` holds the labels, where it has several.
        out: A ``.json`` for all that is found; nothing is written by default.
        progress: Called with the files looked at and how many there are (None where that is not known beforehand).

    Raises:
        DataError: There is no folder or archive.
    """
    found = scans.scan(Path(path), label, progress)
    if out is not None:
        text = json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=2)
        # A name that is no text on its disk has halves of characters in it, which JSON writes just as Python does.
        out.write_bytes((text + "\n").encode("utf-8", "backslashreplace"))
    return found
