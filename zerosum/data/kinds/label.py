"""Labels: whole numbers from 0, -1 where an example has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from zerosum.data.kinds.kind import Kind

UNLABELLED = -1
"""The label of an example without one."""


def write(path: Path, label: Tensor, field: Any) -> None:
    """Write the name of one label, or its number, as text.

    Arguments:
        path: The file.
        label: A 0-d number.
        field: What it is of.
    """
    number = int(label)
    path.write_text(f"{field.names[number] if field.names and number >= 0 else number}\n", encoding="utf-8")


LABEL = Kind("label", "class labels, -1 where there is none", continuous=False, suffix=".txt", write=write)
