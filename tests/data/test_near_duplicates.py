"""Nearly equal images: the search finds what all pairs would, and not more."""

import io
import itertools

import numpy as np
from PIL import Image

from zerosum.data.near_duplicates import BITS, difference_hash, near, small


def photograph(seed, side=96):
    """Soft shapes, as a camera sees them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def saved(image, quality):
    out = io.BytesIO()
    image.save(out, "jpeg", quality=quality)
    return Image.open(out)


def groups(*images):
    pictures = np.stack([small(np.asarray(image)) for image in images])
    return near(np.array([difference_hash(p) for p in pictures], np.uint64), pictures)


def test_a_hash_by_hand():
    row = np.array([9, 0, 9, 9, 0, 0, 9, 0, 0], np.uint8)
    picture = np.repeat(np.stack([row] * 8)[..., None], 3, axis=2)
    assert difference_hash(picture) == int.from_bytes([0b10010010] * 8, "big")


def test_a_saved_again_and_a_smaller_one_are_near_and_a_flipped_one_is_not():
    images = [photograph(seed) for seed in range(20)]
    again = [saved(image, 50) for image in images]
    smaller = [image.resize((64, 64), Image.Resampling.BOX) for image in images]
    flipped = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    assert groups(*images, *again, *smaller, *flipped) == [[i, i + 20, i + 40] for i in range(20)]


def test_black_is_not_near_white():
    """Their hashes are equal: neither has a difference."""
    black, white = (np.full((9, 9, 1), shade, np.uint8) for shade in (0, 255))
    assert groups(black, white, black) == [[0, 2]]


def test_the_search_finds_every_pair_within_its_bits():
    """Against all pairs, at distances on both sides of the bound."""
    random = np.random.default_rng(0)
    hashes = []
    for _ in range(40):
        centre = int(random.integers(1 << 63))
        flips = [random.choice(64, distance, replace=False) for distance in range(9)]
        hashes += [centre ^ sum(1 << int(bit) for bit in bits) for bits in flips]
    pictures = np.zeros((len(hashes), 8, 9, 3), np.uint8)
    found = near(np.array(hashes, np.uint64), pictures)
    group = {place: n for n, places in enumerate(found) for place in places}
    close = [
        (i, j) for i, j in itertools.combinations(range(len(hashes)), 2) if (hashes[i] ^ hashes[j]).bit_count() <= BITS
    ]
    assert len(close) >= 40 * 5
    assert all(group[i] == group[j] for i, j in close)
    linked = {i for pair in close for i in pair}
    assert set(group) == linked


def test_many_that_are_all_alike_take_no_quadratic_time():
    """20,000 on one hash are 200 million pairs, which every three bands would find again."""
    n = 20_000
    pictures = np.zeros((n, 8, 9, 3), np.uint8)
    pictures[1::2] = 255
    found = near(np.zeros(n, np.uint64), pictures)
    assert [len(group) for group in found] == [n // 2, n // 2]


def test_none_and_one():
    assert near(np.zeros(0, np.uint64), np.zeros((0, 8, 9, 3), np.uint8)) == []
    assert groups(photograph(0)) == []
