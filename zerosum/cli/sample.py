"""``zerosum sample RUN``: samples as a picture or as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zerosum import api
from zerosum.cli.parse import parse
from zerosum.errors import ConfigError


@dataclass(frozen=True)
class SampleOptions:
    """How many, which and where to."""

    n: api.fields.Count = 64
    """Samples [examples]."""
    out: Path = Path("samples.png")
    """Where to: .png for a picture, .npz for float32 arrays (field x)."""
    seed: api.fields.NonNegativeCount = 0
    """Of the samples; a larger n of the same seed begins with the same ones."""
    raw: bool = False
    """Use the networks as last trained instead of their averages."""
    checkpoint: api.fields.Count | None = None
    """Round of the checkpoint to use [rounds]; the newest by default."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    """Where to compute."""


def run(arguments: Sequence[str]) -> int:
    """Draw samples from a run."""
    prog = "zerosum sample RUN"
    if not arguments or arguments[0].startswith("-"):
        if not {"-h", "--help"} & set(arguments):
            raise ConfigError(f"{prog} needs the folder of a run.")
        arguments = ["RUN", "--help"]
    folder, *words = arguments
    given = parse({"options": SampleOptions}, words, prog, "Draw samples from a run.").options
    options = api.checked(SampleOptions, vars(given), prog)
    model = api.sample(folder, options.out, options.n, options.seed, options.raw, options.checkpoint, options.device)
    print(f"{options.n} samples of round {model.round}: {options.out}")
    return 0
