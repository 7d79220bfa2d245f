"""Data of one's own before anything is trained: looked through, and packed into shards."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from zerosum.data import own_of, scan as scans
from zerosum.data.image_options import asked_of
from zerosum.data.own import name_of
from zerosum.data.packed import SHARD, pack as write_shards
from zerosum.data.prepared import prepared
from zerosum.data.scan import Scan as Scan
from zerosum.data.walk import Progress
from zerosum.errors import DataError


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


def pack(source: str, out: Path | str, shard: int = SHARD, progress: Progress | None = None) -> int:
    """Write images of one's own as tar shards that webdataset reads, and that training reads by position.

    Arguments:
        source: A folder, a zip or a tar, with what its images are to become: ``photos[size=64]``.
        out: The folder to make.
        shard: Images in each shard.
        progress: Called with the images done and how many there are (None where that is not known beforehand).

    Returns:
        How many shards were written.

    Raises:
        DataError: There are no images there, some cannot be used, or the folder cannot be made.
    """
    own = own_of(source)
    if own is None:
        raise DataError(f"there is nothing at {source!r}; give a folder, a .zip or a .tar of images.")
    path, given = own
    asked = asked_of(given, path)
    return write_shards(prepared(path, asked, progress), name_of(path, asked), Path(out), shard, progress)
