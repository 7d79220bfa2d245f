"""Tokens: sequences of whole numbers below a vocabulary's size, int64 everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from zerosum.data.kinds.kind import Kind

LINE, SIDE = 14, 8
"""Pixels of a line of text, and around it."""


def text(tokens: Tensor, names: tuple[str, ...]) -> str:
    """A sequence as text: the names of its tokens, or their numbers where they have no names.

    Arguments:
        tokens: (T,) int64.
        names: Of the vocabulary; characters are joined as they are, words by blanks.
    """
    if not names:
        return " ".join(str(int(token)) for token in tokens)
    words = [names[int(token)] for token in tokens]
    return ("" if all(len(name) <= 1 for name in names) else " ").join(words)


def draw(tokens: Tensor, reals: Tensor | None = None) -> Image.Image:
    """Sequences as rows of cells whose brightness is the token's number."""
    from zerosum.data.kinds.image import grid

    most = max(int(tokens.max()), 1)
    return grid((tokens.double() / most).float()[None, None], 1)


def write(path: Path, tokens: Tensor, field: Any) -> None:
    """Write one sequence as text.

    Arguments:
        path: The file.
        tokens: (T,) int64.
        field: What it is of.
    """
    path.write_text(text(tokens, field.names) + "\n", encoding="utf-8")


TOKENS = Kind("tokens", "sequences of tokens, int64", continuous=False, picture=draw, suffix=".txt", write=write)
