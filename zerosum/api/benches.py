"""What this machine does, what a recipe reaches of it, and what would help."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

import zerosum
from zerosum.api.options import Options, checked
from zerosum.api.plans import Plan, build, resolve
from zerosum.errors import ConfigError
from zerosum.game import Game
from zerosum.game.modes import Mode, Precision
from zerosum.profiling import timing
from zerosum.profiling.flops import Work, work_of
from zerosum.profiling.forecast import peak_memory
from zerosum.profiling.roofline import Roofline, roof
from zerosum.runtime import choose_device, machine
from zerosum.training import BatchBuilder, Rounds, files, play_round
from zerosum.training.settings import with_threads

TURNS, SECONDS = 15, 0.2
"""Turns of every way to play, and seconds in each."""

ROOF_SECONDS = 0.3
"""For each number of a roof."""


@dataclass(frozen=True)
class Row:
    """One way to play a recipe, as measured.

    Attributes:
        mode: How a round is run.
        threads: Of the CPU.
        precision: Of the numbers.
        rounds_per_second: The median over the turns.
        ratio: To the first row, the median over the turns.
        low: Least such ratio.
        high: Largest.
        examples: Real examples a round takes.
        flops: Of products and convolutions in a round.
        operators: Called in a round; None where it is run as a whole.
        roof: What the machine does with these threads in this precision, GFLOP/s.
    """

    mode: str
    threads: int
    precision: str
    rounds_per_second: float
    ratio: float
    low: float
    high: float
    examples: int
    flops: float
    operators: int | None
    roof: float

    @property
    def examples_per_second(self) -> float:
        """Real examples taken."""
        return self.rounds_per_second * self.examples

    @property
    def milliseconds(self) -> float:
        """Of a round."""
        return 1000 / self.rounds_per_second

    @property
    def gflops(self) -> float:
        """Thousand million floating-point operations a second."""
        return self.flops * self.rounds_per_second / 1e9

    @property
    def share(self) -> float:
        """Of the roof that is reached."""
        return self.gflops / self.roof

    @property
    def mflop_per_image(self) -> float:
        """Million floating-point operations for a real example."""
        return self.flops / self.examples / 1e6


DERIVED = ("examples_per_second", "milliseconds", "gflops", "share", "mflop_per_image")
"""What a row says besides its fields."""


@dataclass(frozen=True)
class Bench:
    """What was measured; without a recipe the machine and its roofs alone.

    Attributes:
        machine: Cores, threads, device, versions.
        roofs: For every number of threads and precision.
        recipe: Its name, or None.
        config: Its settings.
        data: What it was played on.
        rows: One for every way to play it.
        memory: Peak of the process (on CUDA: of the device) in bytes; None where the system does not tell.
        loads: Average load of the machine before and after.
        doubts: Why the machine was not quiet; empty where it was.
        notices: What the user should know besides.
        advice: What follows from the numbers, in sentences.
    """

    machine: dict[str, Any]
    roofs: list[Roofline]
    recipe: str | None = None
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: str | None = None
    rows: list[Row] = dataclasses.field(default_factory=list)
    memory: int | None = None
    loads: tuple[float, float] | None = None
    doubts: list[str] = dataclasses.field(default_factory=list)
    notices: list[str] = dataclasses.field(default_factory=list)
    advice: list[str] = dataclasses.field(default_factory=list)

    def write(self, path: Path) -> None:
        """Keep it as JSON, with what is derived."""
        record = dataclasses.asdict(self)
        for row, kept in zip(self.rows, record["rows"], strict=True):
            kept |= {name: getattr(row, name) for name in DERIVED}
        files.replace(path, (json.dumps(record, indent=1, default=str) + "\n").encode())


def bench(
    recipe: str | None = None,
    *,
    data: str = "digits",
    data_root: Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    compile: bool = False,
    **settings: Any,
) -> Bench:
    """Measure this machine, and how a recipe is best played on it; nothing is written.

    Arguments:
        recipe: Name of a recipe, or the path of your own; without one the machine alone is measured.
        data: Data set by name, or a path.
        data_root: Folder that known data sets lie in.
        device: Of what; by default where a training would be.
        threads: Of the CPU; by default one and all are compared.
        compile: Also compile the round, which takes tens of seconds for every row.
        **settings: Fields of the recipe's ``Config``.

    Raises:
        ConfigError: A name is unknown or a value out of range.
        DataError: The data cannot be opened.
    """
    options: dict[str, Any] = {"data": data, "data_root": data_root, "device": device, "threads": threads}
    plan = None if recipe is None else resolve(recipe, Options(**options), settings)
    if plan is None:
        if settings:
            raise ConfigError(f"{next(iter(settings))} is a setting of a recipe; name one.")
        checked(Options, options, "bench")
    here = choose_device(device)
    all_threads = threads or torch.get_num_threads()
    counts = sorted({1, all_threads}) if threads is None and here.type == "cpu" else [all_threads]
    told = {"device": str(here), "threads": all_threads, "zerosum": zerosum.__version__, **machine()}
    if here.type == "cuda":
        told["gpu"] = torch.cuda.get_device_name(here)
    roofs = []
    with with_threads(all_threads):
        for precision in get_args(Precision):
            for count in counts:
                torch.set_num_threads(count)
                roofs.append(roof(here, precision, ROOF_SECONDS))
        measured = Bench(told, roofs)
        return measured if plan is None else _played(measured, plan, here, compile)


def _played(measured: Bench, plan: Plan, device: torch.device, compile: bool) -> Bench:
    """The same, with a recipe played in every way that is sensible here."""
    modes: list[Mode] = ["eager"]
    if device.type == "cuda":
        modes.append("graph")
    if compile:
        modes.append("compile")
    notices = list(plan.notices)
    ways: dict[str, tuple[Game, Roofline]] = {}
    works: dict[str, Work] = {}
    builder = None
    for of, mode in itertools.product(measured.roofs, modes):
        experiment = build(plan.module, plan.config, plan.spec, plan.options.seed)
        game = experiment.game.to(device)
        builder = builder or plan.builder(experiment)
        name = f"{mode} in {of.precision}, threads {of.threads},"
        try:
            game.mode, game.precision = mode, of.precision
        except ValueError as error:
            notices.append(f"{name} is left out: {error}")
            continue
        if of.precision not in works:
            works[of.precision] = _work(game, builder)
        ways[name] = game, of
    assert builder is not None
    threads = {name: of.threads for name, (_, of) in ways.items()}
    match = timing.play(
        {name: _contestant(game, builder, of.threads) for name, (game, of) in ways.items()}, threads, TURNS, SECONDS
    )
    rows = [_row(game, builder, of, works[of.precision], match.scores[name]) for name, (game, of) in ways.items()]
    return dataclasses.replace(
        measured,
        recipe=plan.recipe,
        config=dataclasses.asdict(plan.config),
        data=plan.spec.name,
        rows=rows,
        memory=peak_memory(device),
        loads=match.loads,
        doubts=match.doubts,
        notices=notices,
        advice=advise(rows, plan.config.batch_size),
    )


def _contestant(game: Game, builder: BatchBuilder, threads: int) -> timing.Contestant:
    rounds, examples = Rounds(game, builder), 0

    def play(count: int) -> int:
        nonlocal examples
        torch.set_num_threads(threads)
        before, goal = examples, game.round + count
        while game.round < goal:
            examples = rounds.play(examples, goal - game.round)
        timing.wait_for(game.device)
        return examples - before

    return play


def _work(game: Game, builder: BatchBuilder) -> Work:
    """Of the rounds in which every turn has been due as often as it ever is; the first one is not like the others."""
    examples = play_round(game, builder, 0)
    rounds = math.lcm(*(turn.every for turn in game.schedule.turns))

    def play() -> None:
        nonlocal examples
        for _ in range(rounds):
            examples = play_round(game, builder, examples)

    whole = work_of(play)
    return Work(round(whole.operators / rounds), round(whole.flops / rounds), whole.waits)


def _row(game: Game, builder: BatchBuilder, of: Roofline, work: Work, score: timing.Score) -> Row:
    examples = builder.examples(game.round)
    return Row(
        mode=game.mode,
        threads=of.threads,
        precision=of.precision,
        rounds_per_second=score.median / examples,
        ratio=score.ratio,
        low=score.low,
        high=score.high,
        examples=examples,
        flops=work.flops,
        operators=work.operators if game.mode == "eager" else None,
        roof=of.gflops,
    )


PAYS = 1.1
"""Times as fast from which something is worth the trouble."""

NEAR = 0.6
"""Of the roof, from which nothing but fewer products is faster."""

OPERATOR = 5e-6
"""Seconds of an operator before it computes anything, roughly, on any machine."""


def advise(rows: Sequence[Row], batch_size: int) -> list[str]:
    """What follows from the rows, in sentences.

    Arguments:
        rows: The first of them eager, in float32, with the fewest threads.
        batch_size: What they were played with.
    """
    said = []
    plain = [row for row in rows if row.mode == "eager" and row.precision == "float32"]
    few, many = plain[0], plain[-1]
    gain = many.ratio / few.ratio
    best = many if gain >= PAYS else few
    if many is not few:
        if gain >= PAYS:
            said.append(f"Take {many.threads} threads: {gain:.2f} times as fast as {few.threads}.")
        elif gain <= 1 / PAYS:
            said.append(f"Take --threads {few.threads}: {1 / gain:.2f} times as fast as {many.threads}.")
        else:
            said.append(f"{many.threads} threads are {gain:.2f} times as fast as {few.threads}: take --threads 1.")
    for row in rows:
        if row.threads != best.threads or (row.mode != best.mode) == (row.precision != best.precision):
            continue
        what = f"--mode {row.mode}" if row.mode != best.mode else row.precision
        gain = row.ratio / best.ratio
        said.append(f"{what} {'pays' if gain >= PAYS else 'does not pay'} here: {gain:.2f} times as fast.")
    assert best.operators is not None
    each = best.flops / best.operators
    reached = f"{best.share:.0%} of the roof"
    if best.share >= NEAR:
        said.append(f"Products run at {reached}: there is nothing to gain but by fewer of them or another precision.")
    elif best.share < 0.5 and each / (best.roof * 1e9) < OPERATOR:
        # The products of a larger batch take longer in proportion, and the rest hardly.
        larger = 2 ** math.ceil(math.log2(batch_size * (1 / best.share - 1)))
        said.append(
            f"Operators dominate: {best.operators} of {each / 1e6:.2g} MFLOP each in {best.milliseconds:.2g} ms reach "
            f"{reached}; a batch of {larger:,} would reach about half, and is another training."
        )
    else:
        said.append(
            f"{reached[0].upper()}{reached[1:]} is reached; the rest of a round is no product: updates, activations, "
            "noise and the operators themselves."
        )
    return said
