"""Which of many images are nearly the same: a hash of differences, and a small picture to confirm it by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from zerosum.data.images import Pixels, opaque

BITS = 5
"""Of 64: so many may differ between near duplicates. At most so many did in photographs saved again or shrunk."""

SHADES, MOST_SHADES = 3.0, 16
"""Of 255: so much may the small pictures differ, on average and anywhere. The photographs differed by 2.1 and 13."""

_BANDS, _AGREE = 8, 3
"""Five bits leave three of eight bands untouched, whichever they are: images are sought by every three."""

_NEIGHBOURS = 48
"""With so many that share three bands an image is compared, so that images all alike take no quadratic time."""

_PAIRS = 512
"""So many are compared by their pictures at a time."""

_MARGIN = 2
"""A difference of fewer shades is none: a flat ground would otherwise hash the noise of its compression."""


def small(pixels: Pixels) -> Pixels:
    """An image (H, W, C) in 8 x 9 pixels of colour, laid on white: (8, 9, 3)."""
    shown = opaque(pixels)
    image = Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown).convert("RGB")
    picture: Pixels = np.asarray(image.resize((9, 8), Image.Resampling.BOX))
    return picture


def difference_hash(picture: Pixels) -> int:
    """64 bits: whether each of the (8, 9) pixels is lighter than its right neighbour."""
    shades = picture.astype(np.int64).sum(2)
    lighter = shades[:, :-1] - shades[:, 1:] >= 3 * _MARGIN
    return int.from_bytes(np.packbits(lighter).tobytes(), "big")


def near(hashes: npt.NDArray[np.uint64], pictures: npt.NDArray[np.uint8]) -> list[list[int]]:
    """Groups of two or more whose hashes differ in few bits and whose small pictures in few shades.

    Time and memory grow with n log n.

    Arguments:
        hashes: (n,), from :func:`difference_hash`.
        pictures: (n, 8, 9, 3), from :func:`small`.

    Returns:
        Places in ascending order; near is what is near to a near one.
    """
    group = np.arange(len(hashes))  # of each, a lower place of its group; at the end the lowest
    for one, other in _candidates(hashes):
        apart = group[one] != group[other]
        one, other = one[apart], other[apart]
        if not len(one):
            continue
        shades = np.abs(pictures[one].astype(np.int16) - pictures[other]).reshape(len(one), -1)
        alike = (shades.mean(1) <= SHADES) & (shades.max(1) <= MOST_SHADES)
        for a, b in zip(one[alike].tolist(), other[alike].tolist(), strict=True):
            low, high = sorted((_lowest(group, a), _lowest(group, b)))
            group[high] = low
        while (group != group[group]).any():
            group = group[group]
    order = np.argsort(group, kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    return [places.tolist() for places in found if len(places) > 1]


def _lowest(group: npt.NDArray[np.int64], place: int) -> int:
    while group[place] != place:
        place = int(group[place])
    return place


def _candidates(hashes: npt.NDArray[np.uint64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Pairs that differ in few bits, each once: by the first three bands they share."""
    edges = [round(64 * band / _BANDS) for band in range(_BANDS + 1)]
    masks = np.array([sum(1 << bit for bit in range(low, high)) for low, high in itertools.pairwise(edges)], np.uint64)
    by_hash = np.argsort(hashes, kind="stable")
    for bands in itertools.combinations(range(_BANDS), _AGREE):
        keys = hashes[by_hash] & np.bitwise_or.reduce(masks[list(bands)])
        within = np.argsort(keys, kind="stable")
        keys, order = keys[within], by_hash[within]
        before = masks[[band for band in range(bands[-1]) if band not in bands]]
        first = np.arange(len(keys))
        for step in range(1, _NEIGHBOURS + 1):
            first = first[first + step < len(keys)]
            first = first[keys[first] == keys[first + step]]
            if not len(first):
                break
            one, other = order[first], order[first + step]
            differ = hashes[one] ^ hashes[other]
            wanted = _ones(differ) <= BITS
            for mask in before:
                wanted &= (differ & mask) != 0
            one, other = one[wanted], other[wanted]
            for start in range(0, len(one), _PAIRS):
                yield one[start : start + _PAIRS], other[start : start + _PAIRS]


def _ones(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Bits set in each word."""
    ones: npt.NDArray[np.int64] = _IN_A_BYTE[words.view(np.uint8).reshape(-1, 8)].sum(1, dtype=np.int64)
    return ones


_IN_A_BYTE = np.array([byte.bit_count() for byte in range(256)], np.uint8)
