"""The embedded 8x8 handwritten digits."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from zerosum.data.arrays import Arrays
from zerosum.data.spec import DataSpec

SIZES = {"train": 1297, "valid": 200, "test": 300}


def open_digits(split: str, seed: int | None, device: torch.device, root: Path) -> Arrays:
    """1,797 grey 8x8 digits with labels, split 1,297 / 200 / 300 by a fixed permutation.

    Arrays values are 0..16; an image has round(255 v / 16) in uint8, so 16 is exactly 1.

    Arguments:
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made.
        root: Not read: the digits come with the package.
    """
    x, y = _read()
    order = np.random.RandomState(1797).permutation(len(x))  # RandomState: its stream is frozen for good
    start = {"train": 0, "valid": SIZES["train"], "test": SIZES["train"] + SIZES["valid"]}[split]
    chosen = order[start : start + SIZES[split]]
    images = np.round(x[chosen].astype(np.float64) * 255 / 16).astype(np.uint8)
    spec = DataSpec.of("digits", "image", (1, 8, 8), classes=10, count=SIZES["train"])
    return Arrays(
        spec, {"x": torch.from_numpy(images), "label": torch.from_numpy(y[chosen].astype(np.int64))}, seed, device
    )


@functools.cache  # one training opens its data several times
def _read() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    with resources.files("zerosum.data").joinpath("embedded/digits.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["x"], arrays["y"]
