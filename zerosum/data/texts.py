"""Text files: characters as tokens, in windows of equal length whose vocabulary is the file's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zerosum.data.array_files import Examples, contents
from zerosum.data.kinds import TOKENS
from zerosum.data.spec import Field
from zerosum.data.splits import parts, place
from zerosum.errors import DataError

WINDOW = 64
"""Characters of an example, where ``[window=N]`` does not say."""


def read_text(path: Path, window: int | None = None) -> Examples:
    """A text file cut into windows; what is left at its end is dropped.

    Arguments:
        path: A UTF-8 file.
        window: Characters of an example.

    Raises:
        DataError: It is no text in UTF-8, or shorter than a window.
    """
    window = window or WINDOW
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); save it in UTF-8.") from None
    if len(text) < window:
        raise DataError(
            f"{path} has {len(text)} characters, fewer than a window of {window}; give [window=...] after it."
        )
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    vocabulary, tokens = np.unique(points, return_inverse=True)
    x = tokens[: len(tokens) // window * window].reshape(-1, window).astype(np.int64)
    names = tuple(map(chr, vocabulary.tolist()))
    field = Field(TOKENS, (window,), classes=len(names), names=names)
    return Examples({"x": field}, {"x": x}, parts(map(place, contents(x))))
