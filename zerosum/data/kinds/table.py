"""Tables: rows of numbers and categories as vectors, numbers standardised and categories one-hot."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zerosum.data.kinds.kind import Kind
from zerosum.data.kinds.points import CANVAS, histogram

ACROSS = 4
"""Histograms in a row."""

MOST = 16
"""Coordinates that are drawn."""

TITLE = 14
"""Height of a name [pixels]."""


def draw(rows: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """A histogram of every coordinate over that of real rows, under its name.

    Arguments:
        rows: (n, d).
        field: With the columns.
        reals: Real rows, or None.
    """
    from PIL import ImageDraw

    reals = rows[:0] if reals is None else reals
    drawn = min(rows.shape[1], MOST)
    across = min(ACROSS, drawn)
    width, height = CANVAS // 2, CANVAS // 4
    sheet = Image.new("RGB", (across * width, -(-drawn // across) * (height + TITLE)), (255, 255, 255))
    for place, name in zip(range(drawn), coordinates(field.columns), strict=False):
        cell = histogram(rows[:, place : place + 1], reals[:, place : place + 1], bins=30).resize((width, height))
        corner = place % across * width, place // across * (height + TITLE)
        ImageDraw.Draw(sheet).text((corner[0] + 4, corner[1] + 2), name, fill=(0, 0, 0))
        sheet.paste(cell, (corner[0], corner[1] + TITLE))
    return sheet


def coordinates(columns: tuple[Any, ...]) -> list[str]:
    """Names of the coordinates of a row: of a number its column, of a category also its value."""
    return [name for c in columns for name in ([f"{c.name} = {v}" for v in c.categories] or [c.name])]


def values(row: Tensor, columns: tuple[Any, ...]) -> list[str]:
    """A row as it stands in a file: numbers in their own scale, categories by name.

    Arguments:
        row: (d,) as in a batch.
        columns: Of the field.
    """
    found, start = [], 0
    for column in columns:
        if column.categories:
            part = row[start : start + len(column.categories)]
            found.append(column.categories[int(part.argmax())])
            start += len(column.categories)
        else:
            found.append(f"{float(row[start]) * column.scale + column.centre:.6g}")
            start += 1
    return found


def write(path: Path, row: Tensor, field: Any) -> None:
    """Write one row with the names of its columns.

    Arguments:
        path: The file.
        row: (d,) as in a batch.
        field: What it is of.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.name for column in field.columns])
    writer.writerow(values(torch.as_tensor(row), field.columns))
    path.write_text(out.getvalue(), encoding="utf-8")


TABLE = Kind(
    "table",
    "rows of numbers and categories",
    picture=draw,
    shown=1000,
    over_reals=True,
    suffix=".csv",
    write=write,
)
