"""Labels of images by the names of their files, from a CSV or a JSON."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FILE = ("file", "filename", "file_name", "name", "image", "path")
"""What the column of file names may be called."""

LABEL = ("label", "class", "category", "y")
"""What the column of labels may be called."""


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
        raise Undecided(f"it has columns {', '.join(others)}; say which is the label with --label COLUMN")
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
