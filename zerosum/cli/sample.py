"""``zerosum sample RUN``: samples as a picture or as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum import api
from zerosum.cli.model import ModelOptions
from zerosum.cli.parse import parse, run_and_words
from zerosum.config import Count, NonNegativeCount


@dataclass(frozen=True)
class SampleOptions:
    """Number, seed and file of the samples."""

    n: Count = 64
    """Samples [examples]."""
    out: Path = Path("samples.png")
    """File: .png for a picture, .npz for float32 arrays (field x)."""
    seed: NonNegativeCount = 0
    """Of the samples; a larger n of the same seed begins with the same ones."""
    label: str | None = None
    """Of all of them, by name or number, where the model was trained with labels; as frequent as in the data by
    default."""


def run(arguments: Sequence[str]) -> int:
    """Draw samples from a run."""
    prog = "zerosum sample RUN"
    folder, words = run_and_words(arguments, prog)
    given = parse({"options": SampleOptions, "model": ModelOptions}, words, prog, "Draw samples from a run.")
    options = api.checked(SampleOptions, vars(given.options), prog)
    which = api.checked(ModelOptions, vars(given.model), prog)
    model = api.sample(folder, options.out, options.n, options.seed, **which.named(), label=options.label)
    print(f"{options.n} samples of round {model.round}: {options.out}")
    return 0
