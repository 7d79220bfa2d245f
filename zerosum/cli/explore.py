"""``zerosum explore RUN walk|grid``: from sample to sample through the latents, or the whole plane of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zerosum import api
from zerosum.cli.model import ModelOptions
from zerosum.cli.parse import parse
from zerosum.config import Count, NonNegativeCount
from zerosum.errors import ConfigError, unknown


@dataclass(frozen=True)
class WalkOptions:
    """Between which samples, on which way and where to."""

    keyframes: tuple[NonNegativeCount, ...] = (5,)
    """Walk between this many samples, the seed's first; or, of two numbers and more, between these samples, such as
    3 17: counted from 0 in what sample draws with the same seed [examples]."""
    steps: Count = 10
    """From each keyframe to the next [frames]."""
    closed: bool = False
    """Go on from the last keyframe to the first."""
    path: Literal["linear", "spherical"] | None = None
    """The way: a line, or an arc that keeps the norm; by default the arc for a normal prior and the line for others."""
    out: Path = Path("walk.png")
    """File: .png for a picture with a row from each keyframe to the next, .gif for an animation."""
    seed: NonNegativeCount = 0
    """Of the samples."""


@dataclass(frozen=True)
class GridOptions:
    """Resolution and file of the grid."""

    side: Count = 20
    """Rows, and columns, in cells of equal probability [examples]."""
    out: Path = Path("grid.png")
    """File: .png for a picture, .gif for an animation that goes through the rows, there and back in turn."""


KINDS: dict[str, tuple[type, str]] = {
    "walk": (WalkOptions, "Walk from sample to sample through the latents of a run's model."),
    "grid": (GridOptions, "Look at the whole plane of a latent in 2 dimensions."),
}


def run(arguments: Sequence[str]) -> int:
    """Explore the latents of a run's model."""
    prog = "zerosum explore RUN"
    words = list(arguments)
    if {"-h", "--help"} & set(words):
        kind = next((word for word in words if word in KINDS), None)
        if kind is None:
            print(f"usage: {prog} {'|'.join(KINDS)} [OPTIONS]\n\n(with --help after it, each lists its options):")
            for name, (_, text) in KINDS.items():
                print(f"  {name}  {text}")
            return 0
        words = ["RUN", kind, "--help"]
    if not words or words[0].startswith("-"):
        raise ConfigError(f"{prog} {'|'.join(KINDS)} needs the folder of a run.")
    if len(words) < 2 or words[1].startswith("-"):
        raise ConfigError(f"{prog} needs a way to explore after the folder: {' or '.join(KINDS)}.")
    folder, kind, *words = words
    if kind not in KINDS:
        raise ConfigError(unknown("way to explore", kind, KINDS))
    options_class, text = KINDS[kind]
    given = parse({"options": options_class, "model": ModelOptions}, words, f"{prog} {kind}", text)
    options = api.checked(options_class, vars(given.options), f"{prog} {kind}")
    which = api.checked(ModelOptions, vars(given.model), f"{prog} {kind}")
    (_walk if kind == "walk" else _grid)(folder, options, which)
    return 0


def _walk(folder: str, options: WalkOptions, which: ModelOptions) -> None:
    walk = api.walk(
        folder,
        options.out,
        options.keyframes[0] if len(options.keyframes) == 1 else options.keyframes,
        options.steps,
        options.closed,
        options.path,
        options.seed,
        **which.named(),
    )
    print(f"{len(walk.frames)} frames of round {walk.model.round}: {options.out}")
    print(
        f"the largest step is {walk.smoothness:.2f} times the mean one "
        f"(fading pixel by pixel: {walk.crossfade:.2f}; cutting from keyframe to keyframe: {options.steps})"
    )


def _grid(folder: str, options: GridOptions, which: ModelOptions) -> None:
    model = api.grid(folder, options.out, options.side, **which.named())
    print(f"{options.side} x {options.side} latents at round {model.round}: {options.out}")
