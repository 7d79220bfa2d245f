"""Real examples as metrics take them: from all over a split, in chunks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from zerosum.data import Data

CHUNK = 500
"""Examples read at once."""

SEED = 0
"""Of which examples are taken where there are more than asked for."""


def spread(data: Data, most: int) -> Iterator[Tensor]:
    """The main field of all examples of a split, or of so many of them from all over it.

    Arguments:
        data: The split.
        most: The most that are taken.

    Returns:
        Chunks (m, ...), in stored order.
    """
    for batch in spread_batches(data, most):
        yield batch["x"]


def spread_batches(data: Data, most: int) -> Iterator[dict[str, Tensor]]:
    """All examples of a split, or so many of them from all over it.

    The split is cut into as many parts as examples are asked for, and one is drawn of each: those of a folder may be
    stored class by class, and in other data every tenth example is of one class.

    Arguments:
        data: The split.
        most: The most that are taken.

    Returns:
        Batches of all fields, in stored order.
    """
    if data.count is None or data.count <= most:
        total = data.count or most
        for start in range(0, total, CHUNK):
            yield data.batch(start, min(CHUNK, total - start))
        return
    edges = np.arange(most + 1) * data.count // most
    # raw bits are a stream that numpy keeps
    drawn = np.random.PCG64(SEED).random_raw(most) % np.diff(edges).astype(np.uint64)
    positions = (edges[:-1] + drawn.astype(np.int64)).tolist()
    for start in range(0, most, CHUNK):
        found = [data.batch(position, 1) for position in positions[start : start + CHUNK]]
        yield {name: torch.cat([batch[name] for batch in found]) for name in found[0]}
