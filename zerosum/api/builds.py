"""A recipe becomes an experiment, and what of it sees a batch as a whole."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from zerosum import recipes
from zerosum.data import Data, DataSpec
from zerosum.errors import ConfigError, DataError
from zerosum.game import batch_dependent_turns
from zerosum.runtime import reseed
from zerosum.training import BatchBuilder, Experiment


def build(module: ModuleType, config: Any, spec: DataSpec, seed: int) -> Experiment:
    """Build a recipe's experiment, on the CPU, with weights from the seed.

    Arguments:
        module: The recipe.
        config: An instance of its ``Config``.
        spec: What the data are.
        seed: Of the weights.

    Raises:
        ConfigError: The recipe refuses the configuration or the data.
    """
    reseed(torch.device("cpu"), seed, "weights")
    try:
        experiment: Any = module.build(config, spec)
    except (ConfigError, DataError):
        raise
    except ValueError as error:
        what = recipes.place(error) or f"{module.__name__.rpartition('.')[2]} cannot be built for {spec.name}"
        raise ConfigError(f"{what}: {error}") from error
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
    """Players whose objectives are batch-dependent: micro-batches and ranks change the result.

    Arguments:
        module: The recipe.
        config: An instance of its ``Config``.
        data: Whose first batch is tried.
    """
    with torch.random.fork_rng(devices=[]):
        experiment = build(module, config, data.spec, 0)
        game = experiment.game
        builder = BatchBuilder(
            data, experiment.priors, game.schedule, 2 * (min(config.batch_size, 64) // 2), 0, game.device
        )
        return [game.schedule.turns[place].player for place in batch_dependent_turns(game, builder.batches(0, 0))]
