"""``zerosum data scan PATH`` and ``zerosum data pack PATH OUT``: images of one's own, looked through or packed."""

from __future__ import annotations

import shlex
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum import api
from zerosum.cli.looking import looking
from zerosum.cli.parse import command, parse
from zerosum.config import Count
from zerosum.errors import ConfigError, DataError, unknown

SHOWN = 10
"""So many of a list are printed; the file of ``--json`` has all."""

CHANNELS = {1: "grey", 2: "grey with alpha", 3: "colour", 4: "colour with alpha"}


@dataclass(frozen=True)
class ScanOptions:
    """Labels, bad files and the output."""

    label: str | None = None
    """The column of a labels.csv with the labels, if it has several."""
    skip_bad: bool = False
    """Set bad files aside and count them; by default they end the command with exit code 3, after all are listed."""
    json: Path | None = None
    """A .json for all results; nothing is written by default."""


@dataclass(frozen=True)
class PackOptions:
    """The shards."""

    shard: Count = 1000
    """Images in each shard."""


def run(arguments: Sequence[str]) -> int:
    """Scan or pack data of one's own."""
    verbs = {"scan": _scan, "pack": _pack}
    if not arguments or arguments[0] not in verbs:
        if {"-h", "--help"} & set(arguments):
            print("usage: zerosum data scan PATH [OPTIONS]\n       zerosum data pack PATH OUT [OPTIONS]")
            return 0
        if arguments and not arguments[0].startswith("-"):
            raise ConfigError(unknown("thing to do with data", arguments[0], verbs))
        raise ConfigError("zerosum data needs a verb: scan or pack.")
    return verbs[arguments[0]](arguments[1:])


def _pack(words: Sequence[str]) -> int:
    prog, about = "zerosum data pack PATH OUT", "Write images as tar shards, which webdataset reads too."
    if {"-h", "--help"} & set(words):
        parse({"options": PackOptions}, ["--help"], prog, about)
    if len(words) < 2 or any(word.startswith("-") for word in words[:2]):
        raise ConfigError(f"{prog} needs the path of the images and the folder to make.")
    source, out, *rest = words
    options = api.checked(PackOptions, vars(parse({"options": PackOptions}, rest, prog, about).options), prog)
    with looking("packing") as progress:
        shards = api.pack(source, out, options.shard, progress)
    print(f"{out}: {_many(shards, 'shard')}")
    print(f"next: {command()} train auto --data {shlex.quote(out)}")
    return 0


def _scan(words: Sequence[str]) -> int:
    prog = "zerosum data scan PATH"
    if {"-h", "--help"} & set(words):
        parse({"options": ScanOptions}, ["--help"], prog, "Look at every file of a folder, a zip or a tar of images.")
    if not words or words[0].startswith("-"):
        raise ConfigError(f"{prog} needs the path of a folder, a zip or a tar.")
    path, *words = words
    options = parse({"options": ScanOptions}, words, prog, "").options
    if options.json is not None:
        api.target(options.json, "what is found goes into a .json", ".json")
    with looking("looking at") as progress:
        found = api.scan(Path(path).expanduser(), options.label, options.json, progress)
    for line in _page(found):
        _print(line)
    if options.json is not None:
        print(f"all of it: {options.json}")
    if not found.images:
        raise DataError(f"{path} holds no image that can be read; give a folder, a zip or a tar of images.")
    if found.bad and not options.skip_bad:
        raise DataError(
            f"{path} has {_many(len(found.bad), 'bad file')}, listed above; mend or remove them, or set them aside "
            "with --skip-bad."
        )
    return 0


def _page(found: api.Scan) -> Iterable[str]:
    rate = f", {found.images / found.seconds:,.0f} a second" if found.images > 1 else ""
    yield f"{found.path}: {_many(found.images, 'image')} in a {found.form}, looked at in {found.seconds:.1f} s{rate}"
    if found.sizes is not None:
        yield from _sizes(found)
        yield from _row("stored as", _counts(found.modes))
        yield from _row("read as", _counts({CHANNELS[channels]: n for channels, n in found.channels.items()}))
        for count, text in (
            (found.turned, "turned as the orientation in the file says"),
            (found.animated, "with more than one frame, of which the first is taken"),
            (found.stretched, "of values without a range of their own: the least became 0, the largest 255"),
        ):
            if count:
                yield from _row("of them", f"{count:,} {text}")
    yield from _labels(found)
    if found.left_alone:
        yield from _row("left alone", _counts(found.left_alone))
    if found.bad:
        yield from _row("bad", _many(len(found.bad), "file"))
        yield from _listed([f"{name}: {cause}" for name, cause in found.bad])
    for kind, sign, groups in (("equal pixels", " = ", found.equal), ("nearly equal", " ~ ", found.near)):
        if groups:
            yield from _row(kind, f"{_many(len(groups), 'group')} of {sum(map(len, groups)):,} images")
            yield from _listed([sign.join((*group[:3], "...")[: len(group)]) for group in groups])
    if found.images:
        yield from _next(found)


def _sizes(found: api.Scan) -> Iterable[str]:
    sizes = found.sizes
    if sizes is None:
        return
    if sizes.different == 1:
        yield from _row("size", f"{_by(sizes.smallest)}, all of them")
        return
    yield from _row(
        "size",
        f"{sizes.different:,} sizes, from {_by(sizes.smallest)} over {_by(sizes.median)} (median) to "
        f"{_by(sizes.largest)} (width x height)",
    )
    yield from _row("", "most frequent " + ", ".join(f"{_by(size)} ({count:,})" for size, count in sizes.frequent))


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _labels(found: api.Scan) -> Iterable[str]:
    if found.splits:
        yield from _row("splits", f"{_counts(found.splits)}, by folder")
    labels = found.labels
    if labels is None:
        return
    by = "by folder" if labels.source == "folders" else f"by {labels.source}"
    if labels.undecided:
        yield from _row("labels", f"none read: of {labels.source}, {labels.undecided}; choose one with --label COLUMN")
        return
    yield from _row("labels", f"{len(labels.counts):,} {by}: {_counts(labels.counts)}")
    if labels.without:
        yield from _row("", f"{_many(len(labels.without), 'image')} without a label:")
        yield from _listed(labels.without)
    if labels.absent:
        yield from _row("", f"{_many(len(labels.absent), 'name')} in it that no image has:")
        yield from _listed(labels.absent)


def _next(found: api.Scan) -> Iterable[str]:
    if found.clear:
        yield from _row(
            "transparent", f"{found.clear:,} have transparent pixels: training lays them on white, or keeps alpha with"
        )
        yield from _row("", "colour=rgba")
    options = "[bad=skip]" if found.bad else ""
    yield f"next: {command()} train auto --data {shlex.quote(found.path + options)}"


def _row(head: str, text: str) -> Iterable[str]:
    yield f"{head:12} {text}"


def _listed(lines: Sequence[str]) -> Iterable[str]:
    yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN:,} more (--json FILE has all)"


def _counts(counts: Mapping[str, int], most: int = SHOWN) -> str:
    rest = sum(sorted(counts.values(), reverse=True)[most:])
    shown = sorted(counts.items(), key=lambda item: -item[1])[:most]
    more = [f"{len(counts) - most:,} others ({rest:,})"] if rest else []
    return ", ".join([f"{name} ({count:,})" for name, count in shown] + more)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _print(line: str) -> None:
    """Print a line with names of files: control characters and characters that the terminal cannot show are escaped."""
    plain = "".join(ascii(c)[1:-1] if unicodedata.category(c) == "Cc" else c for c in line)
    encoding = sys.stdout.encoding or "utf-8"
    print(plain.encode(encoding, "backslashreplace").decode(encoding))
