"""Labels of images: by the folders they lie in, or by the names of their files from a CSV or a JSON."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerosum.data.members import LABELS

FILE = ("file", "filename", "file_name", "name", "image", "path")
"""Names of the column of file names."""

LABEL = ("label", "class", "category", "y")
"""Names of the column of labels."""


FOLDERS = "folders"
"""The source of labels if no file has them."""

CALLED = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
"""Names of folders that are splits and not labels, and of which."""


@dataclass(frozen=True)
class Labelling:
    """The label of every image.

    Attributes:
        source: ``folders``, or the path of the file.
        of: For each image its label, or None.
        absent: Names in the file that no image has.
        undecided: Why the file gave no labels, though it may.
    """

    source: str
    of: tuple[str | None, ...]
    absent: tuple[str, ...] = ()
    undecided: str = ""


def split_folders(names: Sequence[str]) -> list[str] | None:
    """For each image its split, where all lie in first folders called as splits are, one of them as the training split.

    Arguments:
        names: Of the images, their paths inside.
    """
    root = common_folder(names)
    firsts = [name[len(root) :].partition("/") for name in names]
    splits = [CALLED.get(folder.lower(), "") if slash else "" for folder, slash, _ in firsts]
    return splits if all(splits) and "train" in splits else None


def find_labels(
    path: Path, names: Sequence[str], files: Mapping[str, bytes], column: str | None = None
) -> tuple[Labelling | None, list[tuple[str, str]]]:
    """Labels from ``labels.csv`` or ``labels.json`` inside, or beside as that or as ``NAME_labels.csv``; else from the
    first folders in which the images part, below those that are splits.

    Arguments:
        path: The folder or the archive.
        names: Of the images, their paths inside.
        files: Files of labels inside, by name.
        column: Which column of a CSV holds the labels, where it has several.

    Returns:
        None without labels; and what is bad in the files of labels, name and cause.
    """
    root = common_folder(names)
    where, bad = _label_file(path, files, root)
    if bad:
        return None, bad
    if where is not None:
        name, under, data = where
        try:
            return _by_file(names, name, under, read_labels(data, name, column)), []
        except Undecided as error:
            return Labelling(name, (None,) * len(names), undecided=str(error)), []
        except ValueError as error:
            return None, [(name, str(error))]
    if column is not None:
        bad = [(path.name, f"there is no labels.csv in it or beside it that could have a column {column}")]
    if split_folders(names) is not None:
        names = [root + name[len(root) :].partition("/")[2] for name in names]
        root = common_folder(names)
    firsts = [name[len(root) :].partition("/") for name in names]
    if not any(slash for _, slash, _ in firsts):
        return None, bad
    return Labelling(FOLDERS, tuple(folder if slash else None for folder, slash, _ in firsts)), bad


def common_folder(names: Sequence[str]) -> str:
    """The folder all images lie in, with a slash at its end; empty for the path itself."""
    if not names:
        return ""
    low, high = (name.split("/")[:-1] for name in (min(names), max(names)))
    same = itertools.takewhile(lambda parts: parts[0] == parts[1], zip(low, high, strict=False))
    return "".join(f"{part}/" for part, _ in same)


def files_beside(path: Path) -> list[Path]:
    """Places outside of a folder or an archive that may hold its labels; the first that is there counts."""
    stem = re.sub(r"\.(zip|tgz|tar(\.\w+)?)$", "", path.resolve().name, flags=re.IGNORECASE)
    names = [f"{stem}_{name}" for name in LABELS] + (list(LABELS) if path.is_file() else [])
    return [path.parent / name for name in names]


def _label_file(
    path: Path, files: Mapping[str, bytes], root: str
) -> tuple[tuple[str, str, bytes] | None, list[tuple[str, str]]]:
    """Name, the folder its names start from, and content of the file of labels that holds for these images."""
    for under in dict.fromkeys((root, "")):
        wanted = {(under + name).lower() for name in LABELS}
        inside = [name for name in files if name.lower() in wanted]
        if len(inside) > 1:
            return None, [(name, "there are two files of labels; keep one") for name in inside]
        if inside:
            return (inside[0], under, files[inside[0]]), []
    for file in files_beside(path):
        if file.is_file():
            return (str(file), "", file.read_bytes()), []
    return None, []


def _by_file(names: Sequence[str], source: str, under: str, labels: Mapping[str, str]) -> Labelling:
    entries = [label_of(labels, name, under) for name in names]
    used = {entry[0] for entry in entries if entry is not None}
    absent = tuple(key for key in labels if key not in used)
    return Labelling(source, tuple(None if entry is None else entry[1] for entry in entries), absent)


class Undecided(ValueError):
    """A CSV has several columns that may be the labels, and none was named."""


def read_labels(data: bytes, name: str, column: str | None = None) -> dict[str, str]:
    """File names and their labels.

    A CSV (comma, semicolon or tab) has a header with one of :data:`FILE` and one of :data:`LABEL`, or two columns
    without a header. A JSON is an object of labels by name, or a list of pairs; such a list may be an object's
    ``labels``. Names are brought to one form of Unicode (NFC), in which :func:`label_of` finds them.

    Arguments:
        data: The content of the file.
        name: Of the file; its ending says what it is.
        column: Which column of a CSV holds the labels, where its header has several.

    Raises:
        Undecided: It has several columns that may be the labels.
        ValueError: It cannot be understood; the message says why without naming it.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason} at byte {error.start})") from None
    pairs = _pairs_of_json(text) if name.lower().endswith(".json") else _pairs_of_csv(text, column)
    labels: dict[str, str] = {}
    for file, label in pairs:
        key = _key(str(file))
        if labels.setdefault(key, str(label)) != str(label):
            raise ValueError(f"it gives {file} two labels, {labels[key]} and {label}")
    if not labels:
        raise ValueError("it names no file")
    return labels


def label_of(labels: Mapping[str, str], name: str, under: str = "") -> tuple[str, str] | None:
    """The entry that belongs to a file, and its label; None where there is none.

    Arguments:
        labels: From :func:`read_labels`.
        name: Of the file, its whole path inside.
        under: The folder the labels lie in. An entry is the path from there or the whole path; without a folder in it,
            it stands for every file of that name.
    """
    whole = _key(name)
    for key in (whole.removeprefix(_key(under)), whole, whole.rpartition("/")[2]):
        if key in labels:
            return key, labels[key]
    return None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/").removeprefix("./"))


def _pairs_of_csv(text: str, column: str | None) -> Iterable[tuple[str, str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if not rows:
        return []
    heads = [head.strip() for head in rows[0]]
    lower = [head.lower() for head in heads]
    file = next((lower.index(known) for known in FILE if known in lower), None)
    if file is None:
        if len(heads) != 2:
            raise ValueError(f"its header ({', '.join(heads)}) has none of {', '.join(FILE)}")
        if column is not None:
            raise ValueError(f"it has no header that could have {column}")
        file, label, body = 0, 1, rows
    else:
        label, body = _column(heads, file, column), rows[1:]
    short = next((number for number, row in enumerate(body, 1) if len(row) <= max(file, label)), None)
    if short is not None:
        raise ValueError(f"row {short} has too few columns")
    return ((row[file], row[label].strip()) for row in body)


def _column(heads: Sequence[str], file: int, column: str | None) -> int:
    others = [head for place, head in enumerate(heads) if place != file]
    if column is not None:
        if column not in others:
            raise ValueError(f"it has no column {column} (it has: {', '.join(others)})")
        return heads.index(column)
    named = [head for head in others if head.lower() in LABEL]
    if len(named) != 1 and len(others) != 1:
        raise Undecided(f"it has columns {', '.join(others)}")
    return heads.index((named or others)[0])


def _pairs_of_json(text: str) -> Iterable[tuple[str, Any]]:
    try:
        held = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if isinstance(held, dict) and isinstance(held.get("labels"), list):
        held = held["labels"]
    pairs = list(held.items()) if isinstance(held, dict) else held
    if not isinstance(pairs, list) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    ):
        raise ValueError('it must be {"file": label, ...} or [["file", label], ...]')
    if any(isinstance(label, (list, dict)) or label is None for _, label in pairs):
        raise ValueError("a label is a word or a number")
    return [(file, label) for file, label in pairs]
