"""The catalogue: data sets, metrics, a recipe before anything is trained, and the user's own data scanned or packed."""

from __future__ import annotations

import dataclasses
import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zerosum import recipes
from zerosum.api.plans import batch_dependent, build
from zerosum.data import CATALOG, open_data, own_of, scan as scans
from zerosum.data.image_options import asked_of
from zerosum.data.own import name_of
from zerosum.data.packed import SHARD, pack as write_shards
from zerosum.data.prepared import prepared
from zerosum.data.scan import Scan as Scan
from zerosum.data.walk import Progress
from zerosum.errors import DataError
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
        networks: Parameters of each network, and the half-life of its average if it has one.
        players: The networks that each moves, and its update rule.
        turns: The player of each, with its repeats, interval and offset.
        batch_dependent: Players whose result micro-batches and ranks change.
        outputs: Names of the outputs of a trained model.
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
    """Build a recipe for some data, and describe it.

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
    """A number of examples in words; of a ramp, its end."""
    if callable(number):
        return f"{float(number(torch.tensor(10**12))):,.0f} examples, less at first"
    return f"{number:,.0f} examples"


def _particulars(turn: Turn) -> str:
    parts = []
    if callable(turn.repeat):
        parts.append("a number of times that varies")
    elif turn.repeat != 1:
        parts.append(f"{turn.repeat} times")
    if turn.every != 1:
        parts.append(f"every {turn.every} rounds, gain {turn.gain}")
    if turn.offset:
        parts.append(f"on data batch {turn.offset} of the round and on")
    return f" ({', '.join(parts)})" if parts else ""


def scan(path: Path | str, label: str | None = None, out: Path | None = None, progress: Progress | None = None) -> Scan:
    """Look at every file of a folder (with all below it), a zip or a tar; nothing is unpacked or changed.

    Arguments:
        path: Of the images.
        label: The column of a ``labels.csv`` with the labels, if it has several.
        out: A ``.json`` for all results; nothing is written by default.
        progress: Called with the files looked at and how many there are (None if unknown beforehand).

    Raises:
        DataError: There is no folder or archive.
    """
    found = scans.scan(Path(path), label, progress)
    if out is not None:
        text = json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=2)
        # A name that is no text on its disk has halves of characters in it, which JSON writes just as Python does.
        out.write_bytes((text + "\n").encode("utf-8", "backslashreplace"))
    return found


def pack(source: str, out: Path | str, shard: int = SHARD, progress: Progress | None = None) -> int:
    """Write images of one's own as tar shards that webdataset reads, and that training reads by position.

    Arguments:
        source: A folder, a zip or a tar, with the preparation of its images: ``photos[size=64]``.
        out: The folder to make.
        shard: Images in each shard.
        progress: Called with the images done and how many there are (None if unknown beforehand).

    Returns:
        The number of shards.

    Raises:
        DataError: There are no images there, some cannot be used, or the folder cannot be made.
    """
    own = own_of(source)
    if own is None:
        raise DataError(f"there is nothing at {source!r}; give a folder, a .zip or a .tar of images.")
    path, given = own
    asked = asked_of(given, path)
    return write_shards(prepared(path, asked, progress), name_of(path, asked), Path(out), shard, progress)
