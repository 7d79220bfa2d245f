"""``zerosum lab NAME``: a claim of the theory as a page, a picture and numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum import api, lab
from zerosum.cli.parse import parse
from zerosum.config import Positive
from zerosum.errors import ConfigError, unknown


@dataclass(frozen=True)
class LabOptions:
    """The output and the time."""

    out: Path | None = None
    """A folder for the page, its figures and its numbers; lab-NAME by default."""
    seconds: Positive | None = None
    """As long as this, about; it takes the place of the rounds, or whatever the scene counts."""


def run(arguments: Sequence[str]) -> int:
    """Play a scene."""
    words = list(arguments)
    if not words or words[0] in ("-h", "--help"):
        print("usage: zerosum lab NAME [OPTIONS]\n\nscenes (with --help after it, each lists its options):")
        for name in lab.SCENES:
            print(f"  {name:16} {lab.summary(name)}")
        return 0 if words else 2
    name, *words = words
    if name.startswith("-"):
        raise ConfigError(f"zerosum lab needs the name of a scene before {name}: {', '.join(lab.SCENES)}.")
    if name not in lab.SCENES:
        raise ConfigError(unknown("scene", name, lab.SCENES))
    scene = lab.scene(name)
    prog = f"zerosum lab {name}"
    given = parse({"scene": scene.Config, "options": LabOptions}, words, prog, lab.summary(name))
    config = api.checked(scene.Config, vars(given.scene), prog)
    options = api.checked(LabOptions, vars(given.options), prog)
    out = options.out or Path(f"lab-{name}")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out is a folder for the page and its figures, and {out} is a file; name another.")
    with lab.with_threads(1):  # networks as small as these gain nothing from more
        cost = scene.cost(config)
        if options.seconds is not None:
            config = cost.within(config, options.seconds)
            print(f"{cost.count}: {getattr(config, cost.count):,}")
        print(f"{name}: about {math.ceil(cost.seconds(config))} s", flush=True)
        started = time.monotonic()
        shown = scene.play(config)
    page = shown.write(out)
    print(f"{shown.says}\n{time.monotonic() - started:.1f} s; page: {page}, figures: {', '.join(shown.figures)}")
    return 0
