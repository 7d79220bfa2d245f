"""The idx reader: what it reads, and what it says of files that are not right."""

import gzip
import struct

import numpy as np
import pytest

from zerosum.data.idx import read_idx, read_labelled_idx
from zerosum.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array):
    """An array as the bytes of an idx file."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 3, 2), dtype=np.uint8)


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_every_type_plain_and_packed(tmp_path, kind, pack):
    array = np.arange(-6, 6).reshape(2, 3, 2).astype(kind)
    (tmp_path / "f").write_bytes(pack(idx(array)))
    back = read_idx(tmp_path / "f")
    assert back.dtype == array.dtype
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.fault
def test_cut_anywhere_it_is_named(tmp_path, images):
    whole, path = idx(images), tmp_path / "short"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"short (is cut short|is no idx file).*; get it anew\."):
            read_idx(path)
    packed = gzip.compress(whole)
    for length in range(2, len(packed)):
        path.write_bytes(packed[:length])
        with pytest.raises(DataError, match=r"short is (damaged|cut short|no idx file)"):
            read_idx(path)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b + b"\0", r"is too long: 5x3x2 uint8 take 46 bytes, it has 47"),
        (lambda b: b[:-3], r"is cut short: 5x3x2 uint8 take 46 bytes, it has 43"),
        (lambda b: b"PK\3\4" + b, r"is no idx file \(it begins with 50 4b 03 04\)"),
        (lambda b: b"", r"is no idx file \(it begins with nothing\)"),
        (lambda b: b[:2] + b"\x07" + b[3:], r"is no idx file"),
        (lambda b: gzip.compress(b)[:-6] + b"abcdef", r"is damaged \(CRC check failed"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, images, damage, message):
    (tmp_path / "f").write_bytes(damage(idx(images)))
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "f")


@pytest.mark.fault
def test_a_hostile_header_allocates_nothing(tmp_path):
    (tmp_path / "f").write_bytes(struct.pack(">BBBB4I", 0, 0, 8, 4, *(2**32 - 1,) * 4))
    with pytest.raises(DataError, match="is cut short"):
        read_idx(tmp_path / "f")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none cannot be read \(No such file or directory\)"):
        read_idx(tmp_path / "none")


def test_images_with_their_labels(tmp_path, images):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(idx(images))
    b.write_bytes(idx(np.arange(5, dtype=np.uint8)))
    x, y = read_labelled_idx(a, b)
    assert x.shape == (5, 1, 3, 2)
    assert y.tolist() == [0, 1, 2, 3, 4]
    b.write_bytes(idx(np.arange(4, dtype=np.uint8)))
    with pytest.raises(DataError, match=r"b has 4 labels for the 5 images of .*a; get both anew\."):
        read_labelled_idx(a, b)
    a.write_bytes(idx(images.astype(np.int32)))
    with pytest.raises(DataError, match=r"a holds int32 in 3 dimensions; idx images are uint8 in three dimensions"):
        read_labelled_idx(a, b)
    a.write_bytes(idx(images))
    b.write_bytes(idx(images))
    with pytest.raises(DataError, match=r"b holds uint8 in 3 dimensions; idx labels are uint8 in one"):
        read_labelled_idx(a, b)
