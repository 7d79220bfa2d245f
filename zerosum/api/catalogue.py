"""What there is, and what a recipe is before anything is trained."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

import torch

from zerosum import recipes
from zerosum.api.builds import batch_dependent, build
from zerosum.data import CATALOG, open_data
from zerosum.game import Ramp, Turn
from zerosum.metrics import METRICS


def data_sets() -> dict[str, str]:
    """Data sets by name, with a line each."""
    return {name: entry.text for name, entry in CATALOG.items()}


def metrics() -> dict[str, str]:
    """Metrics by their full default name, with a line each."""
    return {make().name: inspect.getdoc(make).partition("\n")[0] for make in METRICS.values()}  # type: ignore[union-attr]


@dataclass(frozen=True)
class Description:
    """A recipe before anything is trained, on some data.

    Attributes:
        text: Its docstring.
        networks: Parameters of each network, and the half-life of its average where it has one.
        players: Which networks each moves, and by which rule.
        turns: Who plays, and what is particular about it.
        batch_dependent: Players with a batch-dependent objective: micro-batches and ranks change the result.
        outputs: What a trained model can be asked.
        settings: The paper's values.
    """

    text: str
    networks: dict[str, str]
    players: dict[str, str]
    turns: list[str]
    batch_dependent: list[str]
    outputs: list[str]
    settings: dict[str, Any]


def describe(recipe: str, data: str = "digits") -> Description:
    """Build a recipe as it would be for some data, and say what it is.

    Raises:
        ConfigError: There is no such recipe.
        DataError: There is no such data.
    """
    module = recipes.find(recipe)
    source = open_data(data, seed=0)
    config = module.Config()
    with torch.random.fork_rng(devices=[]):
        experiment = build(module, config, source.spec, 0)
        game = experiment.game
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in game.networks.items()}
    averaged = {name: f", averaged with a half-life of {_examples(h)}" for name, h in game.halflives.items()}
    return Description(
        text=inspect.getdoc(module) or "",
        networks={name: f"{size:,} parameters{averaged.get(name, '')}" for name, size in sizes.items()},
        players={name: f"moves {', '.join(p.moves)} by {p.update.name}" for name, p in game.players.items()},
        turns=[f"{turn.player}{_particulars(turn)}" for turn in game.schedule.turns],
        batch_dependent=batch_dependent(module, config, source),
        outputs=list(experiment.outputs),
        settings=dataclasses.asdict(config),
    )


def _examples(number: float | Ramp) -> str:
    """A number of examples in words; of one that changes, where it ends."""
    if callable(number):
        return f"{float(number(torch.tensor(10**12))):,.0f} examples, less at first"
    return f"{number:,.0f} examples"


def _particulars(turn: Turn) -> str:
    said = []
    if callable(turn.repeat):
        said.append("a number of times that varies")
    elif turn.repeat != 1:
        said.append(f"{turn.repeat} times")
    if turn.every != 1:
        said.append(f"every {turn.every} rounds, gain {turn.gain}")
    if turn.offset:
        said.append(f"on data batch {turn.offset} of the round and on")
    return f" ({', '.join(said)})" if said else ""
