"""The idx format of MNIST: a header with type and shape, then the numbers; plain or gzipped.

References:
    | http://yann.lecun.com/exdb/mnist (the file format at the end of the page)
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zerosum.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The third byte of a file, and the numbers that follow."""


Labelled = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Images (n, C, H, W), uint8 or float in [0, 1], and their labels (n,)."""


def read_idx(path: Path) -> npt.NDArray[np.generic]:
    """The array in an idx file, in this machine's byte order.

    Raises:
        DataError: The file cannot be read, is no idx file, or is shorter or longer than its header says.
    """
    data = _content(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not data[3]:
        raise DataError(f"{path} is no idx file (it begins with {data[:4].hex(' ') or 'nothing'}); get it anew.")
    kind, dims = np.dtype(TYPES[data[2]]), data[3]
    start = 4 + 4 * dims
    if len(data) < start:
        raise DataError(f"{path} is cut short within its header of {start} bytes; get it anew.")
    shape = struct.unpack(f">{dims}I", data[4:start])
    wanted, have = start + math.prod(shape) * kind.itemsize, len(data)
    if wanted != have:
        raise DataError(
            f"{path} is {'cut short' if have < wanted else 'too long'}: {'x'.join(map(str, shape))} {kind.name} take "
            f"{wanted} bytes, it has {have}; get it anew."
        )
    return np.frombuffer(data, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


def read_labelled_idx(images: Path, labels: Path) -> Labelled:
    """Grey images and their labels from two idx files.

    Raises:
        DataError: They cannot be read, are of the wrong type or shape, or are not of one length.
    """
    x, y = read_idx(images), read_idx(labels)
    for path, array, dims in ((images, x, 3), (labels, y, 1)):
        if array.dtype != np.uint8 or array.ndim != dims:
            what = "images are uint8 in three dimensions" if dims == 3 else "labels are uint8 in one dimension"
            raise DataError(f"{path} holds {array.dtype} in {array.ndim} dimensions; idx {what}.")
    if len(x) != len(y):
        raise DataError(f"{labels} has {len(y)} labels for the {len(x)} images of {images}; get both anew.")
    return x[:, None], y


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged ({error}); get it anew.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
