"""``zerosum apply RUN PATH --out DIR``: a model applied to images, one result for each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zerosum import api
from zerosum.cli.looking import looking
from zerosum.cli.parse import parse
from zerosum.config import Count, NonNegativeCount
from zerosum.errors import ConfigError


@dataclass(frozen=True)
class ApplyOptions:
    """Which output, and where to."""

    out: Path = Path("applied")
    """Folder for the results: a PNG for each image, with its name and its place in the folder."""
    output: str = "apply"
    """Output to apply, where the model has several, such as b_to_a."""
    label: str | None = None
    """Label of all results, by name or number, for a model that takes one."""
    seed: NonNegativeCount = 0
    """Of the model's noise inputs."""
    raw: bool = False
    """Use the networks as last trained instead of their averages."""
    checkpoint: Count | None = None
    """Round of the checkpoint to use [rounds]; the newest by default."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    """Device to compute on."""
    trust: bool = False
    """Run the copy of a recipe of your own that lies in the run folder, where the original has changed or gone."""


def run(arguments: Sequence[str]) -> int:
    """Apply a run's model to images."""
    prog = "zerosum apply RUN PATH"
    words = list(arguments)
    if {"-h", "--help"} & set(words):
        words = ["RUN", "PATH", "--help"]
    if len(words) < 2 or words[0].startswith("-") or words[1].startswith("-"):
        raise ConfigError(f"{prog} needs the folder of a run and the path of images.")
    folder, source, *words = words
    given = parse({"options": ApplyOptions}, words, prog, "Apply a run's model to images.")
    options = api.checked(ApplyOptions, vars(given.options), prog)
    with looking("applying to") as progress:
        applied = api.apply(
            folder,
            source,
            options.out,
            options.output,
            options.label,
            options.seed,
            options.raw,
            options.checkpoint,
            options.device,
            options.trust,
            progress,
        )
    for bad in applied.bad:
        print(f"left out {bad}", file=sys.stderr)
    print(f"{applied.count:,} images by {options.output} of round {applied.model.round}: {options.out}")
    return 0
