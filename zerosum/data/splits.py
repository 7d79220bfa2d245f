"""Which examples are held out: by hash of their content, so that one stays where it is when others come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "valid", "test")

HELD_OUT = 0.1
"""Share of the examples in either split that is held out."""

FEW = 10
"""Examples from which any are held out."""


def place(content: bytes) -> float:
    """A number in [0, 1) that is the content's own."""
    return int.from_bytes(hashlib.sha256(content).digest()[:6], "big") / 2**48


def parts(places: Iterable[float], valid: bool = True, test: bool = True) -> npt.NDArray[np.int64]:
    """0 train, 1 valid, 2 test of each example; at least one in each of ten or more, none held out of fewer.

    Arguments:
        places: From :func:`place`.
        valid: Whether any are held out to validate; not where a source has such a split itself.
        test: The same for the test.
    """
    where = np.fromiter(places, np.float64)
    part = np.zeros(len(where), np.int64)
    if len(where) < FEW:
        return part
    if valid:
        part[where < HELD_OUT] = 1
    if test:
        part[(where >= HELD_OUT) & (where < 2 * HELD_OUT)] = 2
    order = np.argsort(where)
    for wanted, rank in [(1, 0)] * valid + [(2, -1)] * test:
        if not (part == wanted).any():  # few examples: chance may have left a split empty
            part[order[rank]] = wanted
    return part
