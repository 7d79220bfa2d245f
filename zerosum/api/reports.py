"""A run looked into: its log as records, its report as a page, a round of it played again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from zerosum.api.models import experiment_of, load, record_of
from zerosum.api.samples import target
from zerosum.data import Data, open_data
from zerosum.errors import DataError, RunError
from zerosum.report import report as page
from zerosum.runtime import choose_device
from zerosum.training import BatchBuilder, Replay, Run, Stages, log, replay as play_again
from zerosum.training.folder import FACTS, checkpoints_of
from zerosum.training.settings import settle, with_threads


def read_log(run: Run | Path | str) -> list[dict[str, Any]]:
    """The log of a run, a record for each line: ``round``, ``images``, ``seconds``, and ``terms`` or an ``event``.

    Terms are means since the line before, by ``player/term``; None stands for a number that is not finite.

    Arguments:
        run: A run folder, or what training returned; a training run is read as far as it is.

    Raises:
        RunError: The folder holds no run, or a line is damaged.
    """
    path, _ = record_of(run)
    return list(log.read(path / "log.jsonl"))


def report(run: Run | Path | str, out: Path | str | None = None, trust: bool = False) -> Path:
    """Write the report of a run as one HTML page, which needs nothing else and fetches nothing.

    Arguments:
        run: A run folder, or what training returned; a training run is reported as far as it is.
        out: An ``.html``; by default ``report.html`` in the run folder.
        trust: As for :func:`load`.

    Returns:
        Its path.

    Raises:
        ConfigError: The file has another ending, or its folder is not there.
        RunError: The folder holds no run.
    """
    path, record = record_of(run)
    where = None if out is None else target(out, "a report is an .html", ".html")
    model = load(path, trust=trust)
    return page.write(path, record, model.experiment, where)


def replay(
    run: Run | Path | str,
    round: int | None = None,
    data_root: Path | str | None = None,
    trust: bool = False,
    tick: Callable[[int], None] = lambda round: None,
) -> Replay:
    """Play a round of a run again and look into it; nothing is written, and the run's own weights stay as they are.

    From the checkpoint before it, every bit is as it was in training (a compiled run is played eagerly, to rounding).

    Arguments:
        run: A run folder, or what training returned.
        round: Its number, counted from 1 as in the log. After a divergence by default: the first round with gradients
            that were not finite.
        data_root: Folder that known data sets lie in.
        trust: As for :func:`load`.
        tick: Called with each round that is played on the way.

    Raises:
        RunError: The folder holds no run; it has not diverged, and no round was given; the round is past its end.
        DataError: Its data are not there, or have changed.
    """
    path, record = record_of(run)
    checkpoints = checkpoints_of(path, record)
    end = max(checkpoints.rounds(), default=0)
    facts = path / "diverged" / FACTS
    if facts.exists():
        end = max(end, int(json.loads(facts.read_text())["round"]))
    if round is None and not facts.exists():
        raise RunError(f"{path} has not diverged; name a round of it to replay, 1 to {end}.")
    if round is not None and not 1 <= round <= end:
        raise RunError(f"{path} has the rounds 1 to {end}, got {round}.")
    until = end if round is None else round

    def opened(split: str, seed: int | None = None, device: torch.device | None = None) -> Data:
        source = record.get("source", record["data"]["spec"]["name"])
        data = open_data(source, split, seed, device or torch.device("cpu"), data_root)
        if split == "train" and data.fingerprint != record["data"].get("fingerprint"):
            raise DataError(f"{source} has changed since {path} was trained on it; restore it to replay.")
        return data

    with with_threads(record.get("threads", 1)):
        experiment, config, _ = experiment_of(path, record, trust)
        device = choose_device(record.get("device", "cpu"))
        settle(experiment, {"device": "cpu", "threads": 1, **record, "mode": "eager"})
        data = opened("train", record["seed"], device)
        builder = BatchBuilder(
            data, experiment.priors, experiment.game.schedule, config.batch_size, record["seed"], device
        )
        stages = Stages(experiment, builder, opened)
        start = checkpoints.last_clean(until - 1)
        checkpoint = None if start is None else checkpoints.load(start)
        if checkpoint is None:
            stages.begin()
        else:
            stages.take_up(checkpoint)
        return play_again(stages, until, stop=round is None, tick=tick)
