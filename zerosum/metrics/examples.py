"""Real examples as judges take them: from all over a split, in chunks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from zerosum.data import Data

CHUNK = 500
"""Examples read at once."""


def spread(data: Data, most: int) -> Iterator[Tensor]:
    """All examples of a split, or so many of them from all over it: those of a folder may be stored class by class.

    Returns:
        Chunks (m, ...), in stored order.
    """
    whole = data.count is None or data.count <= most
    total = (data.count or most) if whole else most
    for start in range(0, total, CHUNK):
        size = min(CHUNK, total - start)
        if whole:
            yield data.batch(start, size)["x"]
        else:
            assert data.count is not None
            yield torch.cat([data.batch(i * data.count // most, 1)["x"] for i in range(start, start + size)])
