"""Tables: CSV files whose columns are numbers or categories, as vectors that a network takes.

A column is of numbers when every value is one, else of categories. Numbers are standardised by the training rows,
categories are one-hot in the order of their names. A column that is called ``label`` or ``y`` holds labels.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zerosum.data.array_files import Examples, labelled
from zerosum.data.kinds import TABLE
from zerosum.data.spec import Column, Field
from zerosum.data.splits import parts, place
from zerosum.errors import DataError

LABELS = ("label", "y")
"""Names of a column of labels."""

MOST_CATEGORIES = 1000
"""Categories a column may have."""

ENDINGS = (".csv", ".csv.gz", ".tsv")


def is_table(path: Path) -> bool:
    """Whether a path is a table, by its name."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def read_table(path: Path) -> Examples:
    """The rows of a CSV file with a line of names.

    Raises:
        DataError: It cannot be read as a table; the message names the file and the line.
    """
    names, rows = _cells(path)
    contents = ["\x1f".join(row).encode() for row in rows]
    part = parts(map(place, contents))
    train = part == 0
    columns, coordinates = [], []
    label: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    for number, name in enumerate(names):
        cells = [row[number] for row in rows]
        if name.lower() in LABELS:
            label, label_names = _labels(cells)
            continue
        numbers = _numbers(cells)
        if numbers is None:
            column, values = _categories(path, name, cells)
        else:
            centre, scale = float(numbers[train].mean()), float(numbers[train].std()) or 1.0
            column, values = Column(name, (), centre, scale), ((numbers - centre) / scale)[:, None]
        columns.append(column)
        coordinates.append(values)
    if not coordinates:
        raise DataError(f"{path} has no column beside its labels; a table needs one or more.")
    x = np.concatenate(coordinates, 1).astype(np.float32)
    found = Examples({"x": Field(TABLE, (x.shape[1],), columns=tuple(columns))}, {"x": x}, part)
    return labelled(found, label, label_names)


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = max(",;\t", key=header.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        lines = [[cell.strip() for cell in row] for row in rows]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}); give a CSV file in UTF-8.") from None
    lines = [line for line in lines if any(line)]
    if len(lines) < 2:
        raise DataError(f"{path} has no rows; a table is a line of column names and a line for each row.")
    names, *cells = lines
    for number, row in enumerate(cells, 2):
        if len(row) != len(names):
            raise DataError(f"line {number} of {path} has {len(row)} values for {len(names)} columns; correct it.")
    return names, cells


def _numbers(cells: list[str]) -> npt.NDArray[np.float64] | None:
    """A column as numbers; None where a cell is none."""
    try:
        found = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return found if all(math.isfinite(value) for value in found.tolist()) else None


def _categories(path: Path, name: str, cells: list[str]) -> tuple[Column, npt.NDArray[np.float64]]:
    kinds = tuple(sorted(set(cells)))
    if len(kinds) > MOST_CATEGORIES:
        raise DataError(
            f"column {name!r} of {path} has {len(kinds)} different values that are no numbers, more than "
            f"{MOST_CATEGORIES}; leave it out, or make it numbers."
        )
    places = {kind: place for place, kind in enumerate(kinds)}
    return Column(name, kinds), np.eye(len(kinds))[[places[cell] for cell in cells]]


def _labels(cells: list[str]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Labels and their names; an empty cell has none."""
    names = tuple(sorted(set(cells) - {""}, key=lambda name: (len(name), name) if name.isdecimal() else (0, name)))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(cell, -1) for cell in cells], np.int64), names
