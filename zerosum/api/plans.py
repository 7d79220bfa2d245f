"""A plan: the names of a recipe, its data and its options become a checked description of a training.

:func:`resolve` makes a :class:`Plan`, :func:`build` makes the experiment of a recipe. Nothing is written here.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import torch

from zerosum import recipes
from zerosum.api.memory import check_memory
from zerosum.api.options import Options, check_settings, checked, seconds_of
from zerosum.data import Data, DataSpec, open_data, own_of
from zerosum.data.walk import Progress
from zerosum.errors import ConfigError, DataError
from zerosum.game import batch_dependent_turns
from zerosum.runtime import choose_device, reseed
from zerosum.training import BatchBuilder, Experiment, Goal
from zerosum.training.tensorboard import refuse_where_missing

FEW = 100
"""Training examples below which a run begins with a warning."""


class Opener(Protocol):
    """Opens a split of the data of a plan; a split is read once."""

    def __call__(self, split: str, seed: int | None = None, device: torch.device | None = None) -> Data: ...


@dataclass(frozen=True)
class Plan:
    """A training before its start: names resolved, values checked, nothing written.

    Attributes:
        recipe: Name of the recipe, or the path of a user's own.
        module: The recipe.
        config: An instance of its Config.
        options: Goal, place and machine.
        source: Where the data come from: a name of the catalogue, or an absolute path.
        out: The run folder.
        open: Opens a split, in stored order or in the order of a seed.
        notices: Sentences for the user.
    """

    recipe: str
    module: ModuleType
    config: Any
    options: Options
    source: str
    out: Path
    open: Opener
    notices: tuple[str, ...] = ()

    @property
    def spec(self) -> DataSpec:
        """The data that the recipe is built for."""
        return self.open("train").spec

    @property
    def code(self) -> recipes.Code | None:
        """The file of a user's own recipe."""
        return recipes.code(self.module)

    @property
    def name(self) -> str:
        """The recipe as the run folder records it: its name, or the name of its file."""
        return self.code.path.name if self.code else self.recipe

    @property
    def goal(self) -> Goal | None:
        """The goal that the options give, if any."""
        options, count = self.options, self.spec.count
        if options.epochs is not None:
            assert count is not None
            return Goal(examples=options.epochs * count)
        if options.budget is not None:
            return Goal(seconds=seconds_of(options.budget))
        return None if options.rounds is None else Goal(rounds=options.rounds)

    def goal_of(self, experiment: Experiment) -> Goal:
        """The goal of a run of this plan; without one in the options, the rounds of all stages."""
        return self.goal or Goal(rounds=sum(stage.rounds for stage in experiment.stages))

    def experiment(self) -> Experiment:
        """A new experiment of this plan, on the CPU."""
        return build(self.module, self.config, self.spec, self.options.seed)

    def builder(self, experiment: Experiment) -> BatchBuilder:
        """The batch builder of an experiment of this plan, on the experiment's device."""
        device, seed = experiment.game.device, self.options.seed
        data = self.open("train", seed, device)
        return BatchBuilder(data, experiment.priors, experiment.game.schedule, self.config.batch_size, seed, device)


def resolve(
    recipe: str, options: Options, settings: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> Plan:
    """Find the recipe and open the training data, and check every value.

    Arguments:
        recipe: Name of a recipe, or the path of a user's own.
        options: Goal, place and machine.
        settings: Fields of the recipe's Config by name; the others keep the paper's values.
        progress: Called after each of the user's images that has to be prepared.

    Raises:
        ConfigError: A name is unknown or a value out of range.
        DataError: The data cannot be opened.
    """
    module, place = recipes.find(recipe), f"recipe {recipe}"
    check_settings(recipe, module.Config)
    options = checked(Options, dataclasses.asdict(options), place)
    config = checked(module.Config, settings or {}, place)
    source, shown = _source(options.data)
    plan = Plan(recipe, module, config, options, source, Path(), _opener(options, progress))
    plain_data = re.sub(r"[^A-Za-z0-9.=-]+", "-", shown).strip("-")
    out = options.out or Path("runs") / f"{plan.name.removesuffix('.py')}-{plain_data}"
    config, notices = _fit_batch(config, plan.spec)
    notices = (*getattr(plan.open("train"), "notices", ()), *notices)
    plan = dataclasses.replace(plan, out=out, config=config, notices=notices)
    if options.tensorboard:
        refuse_where_missing()
    _check_ranks(plan)
    check_memory(module, config, plan.spec, choose_device(options.device))
    _check_goal(plan)
    return plan


def _source(data: str) -> tuple[str, str]:
    """The origin of the data as it is recorded, and as it names a folder: without the path."""
    own = own_of(data)
    if own is None:
        return data, data
    path, given = own[0].resolve(), f"[{own[1]}]" if own[1] else ""
    return f"{path}{given}", f"{path.name}{given}"


def _opener(options: Options, progress: Progress | None) -> Opener:
    @functools.cache
    def opened(split: str, seed: int | None = None, device: torch.device | None = None) -> Data:
        if seed is None and device is None:
            return open_data(options.data, split, root=options.data_root, progress=progress)
        return opened(split).ordered(seed, device or torch.device("cpu"))

    return opened


def _fit_batch(config: Any, spec: DataSpec) -> tuple[Any, tuple[str, ...]]:
    """The configuration with a batch that the data have, and what the user should know about few examples."""
    notices = []
    if spec.count is not None and spec.count < FEW:
        notices.append(
            f"{spec.count} training examples only: the networks will learn them by heart (overfit); "
            "the generated examples will be copies of them."
        )
    if spec.count is not None and config.batch_size > spec.count:
        notices.append(
            f"batch size {config.batch_size} is more than the {spec.count} examples; "
            f"training on batches of {spec.count}."
        )
        config = dataclasses.replace(config, batch_size=spec.count)
    return config, tuple(notices)


def _check_ranks(plan: Plan) -> None:
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if plan.config.batch_size % ranks:
        raise ConfigError(
            f"every rank plays an equal part of a batch: batch_size must be a multiple of {ranks}, got "
            f"{plan.config.batch_size}."
        )
    if ranks > 1 and plan.options.mode in ("graph", "compile"):
        raise ConfigError(f"mode {plan.options.mode!r} is for one rank yet, got {ranks}; use --mode eager.")


def _check_goal(plan: Plan) -> None:
    options = plan.options
    goals = [f"--{name}" for name in ("rounds", "epochs", "budget") if getattr(options, name) is not None]
    if options.budget is not None:
        seconds_of(options.budget)
    if len(goals) > 1:
        raise ConfigError(f"a run has one goal, got {' and '.join(goals)}; give one of them.")
    if options.epochs is not None and plan.spec.count is None:
        raise ConfigError(f"data {plan.spec.name!r} is endless and has no epochs; give --rounds or --budget.")


def build(module: ModuleType, config: Any, spec: DataSpec, seed: int) -> Experiment:
    """Build a recipe's experiment, on the CPU, with weights from the seed.

    Arguments:
        module: The recipe.
        config: An instance of its ``Config``.
        spec: What the data are.
        seed: Of the weights.

    Raises:
        ConfigError: The recipe does not take the configuration or the data.
    """
    if recipes.code(module) is None and "x" in spec.fields and not spec.kind.continuous:
        raise ConfigError(
            f"{module.__name__.rpartition('.')[2]} makes real numbers, and {spec.name} holds {spec.kind.name}; take "
            "data of images, points, tables or waveforms, or a recipe of your own."
        )
    reseed(torch.device("cpu"), seed, "weights")
    try:
        experiment: Any = module.build(config, spec)
    except (ConfigError, DataError):
        raise
    except ValueError as error:
        subject = recipes.place(error) or f"{module.__name__.rpartition('.')[2]} cannot be built for {spec.name}"
        raise ConfigError(f"{subject}: {error}") from error
    if not isinstance(experiment, Experiment):
        name = module.__file__ if recipes.code(module) else module.__name__.rpartition(".")[2]
        raise ConfigError(f"{name}: build must return an Experiment, got {type(experiment).__name__}.")
    outputs = {name: experiment.output(name) for name in experiment.outputs}
    for metric in experiment.metrics:
        if reason := metric.incompatible(spec, outputs):
            raise ConfigError(f"{reason}; take others for a recipe's metrics, default_metrics(spec) for instance.")
    assert isinstance(experiment, Experiment)
    return experiment


def batch_dependent(module: ModuleType, config: Any, data: Data) -> list[str]:
    """Players that are batch-dependent (batch norm, minibatch features): micro-batches and ranks change their training.

    Arguments:
        module: The recipe.
        config: An instance of its ``Config``.
        data: The training examples; the first batch is tried.
    """
    with torch.random.fork_rng(devices=[]):
        experiment = build(module, config, data.spec, 0)
        game = experiment.game
        builder = BatchBuilder(
            data, experiment.priors, game.schedule, 2 * (min(config.batch_size, 64) // 2), 0, game.device
        )
        return [game.schedule.turns[place].player for place in batch_dependent_turns(game, builder.batches(0, 0))]
