"""Benchmarks: the roofline of this machine, the speed of a recipe on it, and advice."""

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
from zerosum.api.plans import Plan, resolve
from zerosum.errors import ConfigError
from zerosum.game import Game, Mode, Precision
from zerosum.profiling import timing
from zerosum.profiling.flops import OperationCounts, count_operations
from zerosum.profiling.forecast import peak_memory
from zerosum.profiling.roofline import Roofline, measure_roofline
from zerosum.runtime import choose_device, machine
from zerosum.training import BatchBuilder, files, play_round
from zerosum.training.settings import with_threads

TURNS, SECONDS = 15, 0.2
"""Turns of every way to play, and seconds of each."""

ROOFLINE_SECONDS = 0.3
"""For each number of a roofline."""


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
        roofline: Of the machine with these threads in this precision, GFLOP/s.
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
    roofline: float

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
        """The share of the roofline that is reached."""
        return self.gflops / self.roofline

    @property
    def mflop_per_image(self) -> float:
        """Million floating-point operations for a real example."""
        return self.flops / self.examples / 1e6


DERIVED = ("examples_per_second", "milliseconds", "gflops", "share", "mflop_per_image")
"""Properties of a row that are written with its fields."""


@dataclass(frozen=True)
class Bench:
    """The measurements; without a recipe those of the machine alone.

    Attributes:
        machine: Cores, threads, device, versions.
        rooflines: For every number of threads and precision.
        recipe: Its name, or None.
        config: Its settings.
        data: The data set it was played on.
        rows: One for every way to play it.
        memory: Peak of the process (on CUDA: of the device) in bytes; None where it is unknown.
        loads: Average load of the machine before and after.
        doubts: Signs that the machine was busy; empty where there are none.
        notices: Sentences for the user.
        advice: Conclusions from the numbers, in sentences.
    """

    machine: dict[str, Any]
    rooflines: list[Roofline]
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
        """Write it as JSON, with the derived numbers."""
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
        device: To measure; by default that of a training.
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
    described = {"device": str(here), "threads": all_threads, "zerosum": zerosum.__version__, **machine()}
    if here.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(here)
    rooflines = []
    with with_threads(all_threads):
        for precision in get_args(Precision):
            for count in counts:
                torch.set_num_threads(count)
                rooflines.append(measure_roofline(here, precision, ROOFLINE_SECONDS))
        measured = Bench(described, rooflines)
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
    operations: dict[str, OperationCounts] = {}
    builder = None
    for of, mode in itertools.product(measured.rooflines, modes):
        experiment = plan.experiment()
        game = experiment.game.to(device)
        builder = builder or plan.builder(experiment)
        name = f"{mode} in {of.precision}, threads {of.threads},"
        try:
            game.mode, game.precision = mode, of.precision
        except ValueError as error:
            notices.append(f"{name} is left out: {error}")
            continue
        if of.precision not in operations:
            operations[of.precision] = _operations(game, builder)
        ways[name] = game, of
    assert builder is not None
    threads = {name: of.threads for name, (_, of) in ways.items()}
    comparison = timing.compare(
        {name: timing.contestants(game, builder, [of.threads])[0] for name, (game, of) in ways.items()},
        threads,
        TURNS,
        SECONDS,
    )
    rows = [
        _row(game, builder, of, operations[of.precision], comparison.scores[name]) for name, (game, of) in ways.items()
    ]
    return dataclasses.replace(
        measured,
        recipe=plan.recipe,
        config=dataclasses.asdict(plan.config),
        data=plan.spec.name,
        rows=rows,
        memory=peak_memory(device),
        loads=comparison.loads,
        doubts=comparison.doubts,
        notices=notices,
        advice=advise(rows, plan.config.batch_size),
    )


def _operations(game: Game, builder: BatchBuilder) -> OperationCounts:
    """A round's share of the rounds in which every turn is due as often as it ever is; the first round is left out."""
    examples = play_round(game, builder, 0)
    rounds = math.lcm(*(turn.every for turn in game.schedule.turns))

    def play() -> None:
        nonlocal examples
        for _ in range(rounds):
            examples = play_round(game, builder, examples)

    whole = count_operations(play)
    return OperationCounts(round(whole.operators / rounds), round(whole.flops / rounds), whole.waits)


def _row(game: Game, builder: BatchBuilder, of: Roofline, operations: OperationCounts, score: timing.Score) -> Row:
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
        flops=operations.flops,
        operators=operations.operators if game.mode == "eager" else None,
        roofline=of.gflops,
    )


PAYS = 1.1
"""Times as fast from which something is worth the trouble."""

NEAR = 0.6
"""Share of the roofline from which only fewer products are faster."""

OPERATOR = 5e-6
"""Seconds of an operator before it computes anything, roughly, on any machine."""


def advise(rows: Sequence[Row], batch_size: int) -> list[str]:
    """Conclusions from the rows, in sentences.

    Arguments:
        rows: The first of them eager, in float32, with the fewest threads.
        batch_size: Of the rows.
    """
    sentences = []
    plain = [row for row in rows if row.mode == "eager" and row.precision == "float32"]
    few, many = plain[0], plain[-1]
    gain = many.ratio / few.ratio
    best = many if gain >= PAYS else few
    if many is not few:
        if gain >= PAYS:
            sentences.append(f"Take {many.threads} threads: {gain:.2f} times as fast as {few.threads}.")
        elif gain <= 1 / PAYS:
            sentences.append(f"Take --threads {few.threads}: {1 / gain:.2f} times as fast as {many.threads}.")
        else:
            sentences.append(f"{many.threads} threads are {gain:.2f} times as fast as {few.threads}: take --threads 1.")
    for row in rows:
        if row.threads != best.threads or (row.mode != best.mode) == (row.precision != best.precision):
            continue
        what = f"--mode {row.mode}" if row.mode != best.mode else row.precision
        gain = row.ratio / best.ratio
        sentences.append(f"{what} {'pays' if gain >= PAYS else 'does not pay'} here: {gain:.2f} times as fast.")
    assert best.operators is not None
    each = best.flops / best.operators
    reached = f"{best.share:.0%} of the roofline"
    if best.share >= NEAR:
        sentences.append(
            f"Products run at {reached}: there is nothing to gain but by fewer of them or another precision."
        )
    elif best.share < 0.5 and each / (best.roofline * 1e9) < OPERATOR:
        # The products of a larger batch take longer in proportion, and the rest hardly.
        larger = 2 ** math.ceil(math.log2(batch_size * (1 / best.share - 1)))
        sentences.append(
            f"Operators dominate: {best.operators} of {each / 1e6:.2g} MFLOP each in {best.milliseconds:.2g} ms reach "
            f"{reached}; a batch of {larger:,} would reach about half, and is another training."
        )
    else:
        sentences.append(
            f"{reached[0].upper()}{reached[1:]} is reached; the rest of a round is no product: updates, activations, "
            "noise and the operators themselves."
        )
    return sentences
