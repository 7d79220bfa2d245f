"""``zerosum bench [RECIPE]``: the roofline of this machine, the speed of a recipe on it, and advice."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zerosum import recipes
from zerosum.cli.parse import parse
from zerosum.cli.program import uncollected


@dataclass(frozen=True)
class MachineOptions:
    """The machine to measure."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device to measure; auto takes CUDA, then MPS, then the CPU."""
    threads: int | None = None
    """CPU threads; one and all are compared by default [threads]."""
    out: Path | None = None
    """A .json for the numbers; nothing is written by default."""


@dataclass(frozen=True)
class PlayOptions:
    """The data to play on."""

    data: str = "digits"
    """Data set by name, or a path."""
    data_root: Path | None = None
    """Folder that known data sets lie in or are downloaded to."""
    compile: bool = False
    """Compile the round too; takes tens of seconds for every row of the table."""


def run(arguments: Sequence[str]) -> int:
    """Measure, print, advise."""
    words, settings = list(arguments), {}
    recipe = words.pop(0) if words and not words[0].startswith("-") else None
    groups: dict[str, type] = {"machine": MachineOptions}
    with uncollected():
        if recipe is not None:
            groups = {"recipe": recipes.find(recipe).Config, "play": PlayOptions, **groups}
        from zerosum import api
    if recipe is not None:
        api.check_settings(recipe, groups["recipe"])
    prog = f"zerosum bench {recipe or '[RECIPE]'}"
    given = parse(groups, words, prog, "Measure this machine, and how a recipe is best played on it.")
    out = given.machine.out
    if out is not None:
        api.target(out, "the numbers go into a .json", ".json")
    if recipe is not None:
        settings = {**dataclasses.asdict(given.recipe), **dataclasses.asdict(given.play)}
    print("measuring for a while ...", file=sys.stderr)
    measured = api.bench(recipe, device=given.machine.device, threads=given.machine.threads, **settings)
    _print_machine(measured)
    if recipe is not None:
        _print_rows(measured)
    if out is not None:
        measured.write(out)
        print(f"numbers: {out}")
    return 0


def _print_machine(measured: Any) -> None:
    machine = measured.machine
    of = f"{machine['device']} ({machine['gpu']})" if "gpu" in machine else machine["device"]
    print(f"machine     {machine['cores']} cores of {machine['processor']}, {machine['system']}")
    print(f"torch       {machine['torch']} on {of}, {machine['threads']} threads")
    _print_table(
        [
            ("threads", "precision", "product GFLOP/s", "convolution GFLOP/s", "memory GB/s"),
            *(
                (f"{of.threads}", of.precision, *map(_rate, (of.product, of.convolution, of.memory)))
                for of in measured.rooflines
            ),
        ]
    )


def _rate(rate: Any) -> str:
    return f"{rate.median:,.3g} (best {rate.best:,.3g})"


def _print_rows(measured: Any) -> None:
    first = measured.rows[0]
    print(
        f"{measured.recipe} on {measured.data}, {first.examples:,} examples a round, "
        f"{first.mflop_per_image:,.3g} MFLOP an image"
    )
    heads = ("mode", "threads", "precision", "images/s", "rounds/s", "ms/round", "GFLOP/s", "of roofline", "operators")
    _print_table(
        [
            (*heads, "ratio (least to largest)"),
            *(
                (
                    row.mode,
                    f"{row.threads}",
                    row.precision,
                    f"{row.examples_per_second:,.0f}",
                    f"{row.rounds_per_second:,.1f}",
                    f"{row.milliseconds:,.3g}",
                    f"{row.gflops:,.3g}",
                    f"{row.share:.0%}",
                    "-" if row.operators is None else f"{row.operators}",
                    f"{row.ratio:.2f} ({row.low:.2f} to {row.high:.2f})",
                )
                for row in measured.rows
            ),
        ]
    )
    if measured.memory is not None:
        print(f"memory      {measured.memory / (1 << 20):,.1f} MiB at the peak of the whole")
    print(f"load        {measured.loads[0]:.1f} before, {measured.loads[1]:.1f} after")
    for text in measured.notices:
        print(text)
    if measured.doubts:
        doubts = "; ".join(measured.doubts)
        print(f"The machine was not quiet ({doubts}): what follows holds for one as busy.")
    for text in measured.advice:
        print(text)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
