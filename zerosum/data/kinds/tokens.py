"""Tokens: sequences of whole numbers below a vocabulary's size, int64 everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from zerosum.data.kinds.kind import Kind

LINE, SIDE = 16, 8
"""Height of a line of text, and margin [pixels]."""

MOST = 120
"""Characters of a line that are drawn."""


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


def draw(tokens: Tensor, field: Any, reals: Tensor | None = None) -> Image.Image:
    """Sequences as lines of text.

    Arguments:
        tokens: (n, T) int64.
        field: With the names of the vocabulary.
        reals: Real ones, which are not drawn.
    """
    from PIL import ImageDraw, ImageFont  # with its fonts, which pictures of images do without

    font = ImageFont.load_default(LINE - 2)
    lines = [" ".join(text(sequence, field.names).split())[:MOST] for sequence in tokens]
    width = int(max(font.getlength(line) for line in lines))
    sheet = Image.new("L", (width + 2 * SIDE, len(lines) * LINE + 2 * SIDE), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(sheet).text((SIDE, SIDE + number * LINE), line, fill=0, font=font)
    return sheet


def write(path: Path, tokens: Tensor, field: Any) -> None:
    """Write one sequence as text.

    Arguments:
        path: The file.
        tokens: (T,) int64.
        field: What it is of.
    """
    path.write_text(text(tokens, field.names) + "\n", encoding="utf-8")


TOKENS = Kind(
    "tokens", "sequences of tokens, int64", continuous=False, picture=draw, shown=32, suffix=".txt", write=write
)
