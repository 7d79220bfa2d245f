"""The machine of a training: device, threads, mode, precision and micro-batches, chosen by trials where left open."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

import zerosum
from zerosum.api.memory import running_out
from zerosum.api.plans import Plan
from zerosum.errors import ConfigError
from zerosum.game import Game
from zerosum.profiling import autotune
from zerosum.profiling.forecast import Forecast, forecast as forecast_stages
from zerosum.profiling.timing import Contestant, contestants
from zerosum.runtime import choose_device, machine
from zerosum.training import Experiment, RunFolder
from zerosum.training.folder import RECORD
from zerosum.training.settings import SINCE, settle, with_threads


def new_record(plan: Plan) -> dict[str, Any]:
    """The content of ``config.json`` of a new run, with the settings of the machine as the options give them."""
    options = plan.options
    return {
        "recipe": plan.name,
        **({"code": {"path": str(plan.code.path), "sha256": plan.code.sha256}} if plan.code else {}),
        "config": dataclasses.asdict(plan.config),
        "data": {"fingerprint": plan.open("train").fingerprint, "spec": plan.spec.record()},
        "seed": options.seed,
        "source": plan.source,
        "device": str(choose_device(options.device)),
        "threads": options.threads or torch.get_num_threads(),
        "mode": "eager" if options.mode in (None, "auto") else options.mode,
        "precision": options.precision or "float32",
        "micro_batches": options.micro_batches or 1,
        "ranks": int(os.environ.get("WORLD_SIZE", "1")),
        "zerosum": zerosum.__version__,
        **machine(),
    }


def choose(plan: Plan, record: dict[str, Any], experiment: Experiment) -> list[str]:
    """Choose the threads and the mode of a fresh run where the options leave them open, by short trials.

    Arguments:
        plan: The training.
        record: Of the new run; the choice is written into it, with its reason.
        experiment: Of the plan; it is put on the machine as the record says.

    Returns:
        Sentences for the user.

    Raises:
        ConfigError: The game cannot be played so here.
    """
    if (plan.out / RECORD).exists() and not plan.options.fresh:
        return []
    notices = []
    alone = record["ranks"] == 1  # ranks meet in every round, so that none of them can try anything by itself
    if record["device"] == "cpu" and plan.options.threads is None and record["threads"] > 1 and alone:
        counts = autotune.thread_counts(record["threads"])
        record["threads"] = autotune.threads(dict(zip(counts, _contestants(plan, record, counts), strict=True)))
    traceable = all(player.update.plain is not None for player in experiment.game.players.values())
    if plan.options.mode == "auto":
        record["mode"], record["mode_reason"] = autotune.mode(
            record["device"],
            record["ranks"],
            traceable,
            lambda: sum(cost.seconds for cost in _costs(plan, record)),
            lambda: autotune.gain(
                *_contestants(plan, record, [record["threads"]]),
                *_contestants(plan, {**record, "mode": "compile"}, [record["threads"]]),
            ),
        )
        notices.append(f"mode {record['mode']}: {record['mode_reason']}.")
    elif plan.options.mode is None and record["device"].startswith("cuda") and traceable and alone:
        record["mode"] = "graph"
    place(plan, experiment, record)  # what cannot be played so is refused before anything is written
    return notices


def place(plan: Plan, experiment: Experiment, settings: Mapping[str, Any]) -> Game:
    """Put an experiment of a plan on the machine, and return the game of its last stage.

    Arguments:
        plan: The training.
        experiment: As it was built.
        settings: Device, threads, mode, precision, micro-batches and ranks, as a record has them.

    Raises:
        ConfigError: The game cannot be played so here, or a batch has no equal parts.
    """
    parts = settings["ranks"] * settings["micro_batches"]
    turns = [turn for stage in experiment.stages for turn in stage.game.schedule.turns]
    for size in (plan.config.batch_size, *(turn.size for turn in turns if turn.size)):
        if size % parts:
            raise ConfigError(
                f"ranks and micro-batches play equal parts of a batch: {parts} of them cannot share {size} "
                "examples; take another number of them, or another batch_size."
            )
    if plan.options.activation_checkpointing:
        for stage in experiment.stages:
            stage.game.enable_activation_checkpointing()
    return settle(experiment, settings)


def take_settings(plan: Plan, folder: RunFolder, record: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """Put an experiment on the machine with the settings that its run recorded, except those that the options change.

    Arguments:
        plan: The training.
        folder: Of the run; changes are recorded in it.
        record: Of a new run of this plan.
        experiment: As it was built.

    Returns:
        A sentence for each change.

    Raises:
        ConfigError: The game cannot be played so here; then nothing is recorded.
    """
    options = plan.options
    given = {
        "device": None if options.device == "auto" else record["device"],
        "threads": options.threads,
        "mode": None if options.mode == "auto" else options.mode,
        "precision": options.precision,
        "micro_batches": options.micro_batches,
        **{key: record[key] for key in ("ranks", "zerosum", "torch", "processor", "host")},
    }
    for key, value in SINCE.items():
        folder.record.setdefault(key, value)
    changes = {key: value for key, value in given.items() if value is not None}
    game = place(plan, experiment, {**record, **folder.record, **changes})
    amended = folder.amend(max(folder.checkpoints.rounds(), default=0), changes)
    if folder.record.get("executions") != game.executions:
        folder.record["executions"] = game.executions
        folder.write_record()
    return amended


def forecast(plan: Plan) -> list[Forecast]:
    """The cost of each stage, from a trial of a second or two in eager mode; nothing is written.

    Raises:
        ConfigError: The game cannot be played as the options say, or memory ran out.
    """
    record = new_record(plan)
    with memory_explained(plan), with_threads(record["threads"]):
        choose(plan, record, plan.experiment())
        return _costs(plan, record)


def memory_explained(plan: Plan, folder: RunFolder | None = None) -> AbstractContextManager[None]:
    """A context in which memory that runs out becomes a sentence with a remedy."""
    return running_out(plan.config.batch_size, plan.spec, plan.options.micro_batches or 1, folder)


def _costs(plan: Plan, record: Mapping[str, Any]) -> list[Forecast]:
    experiment = plan.experiment()
    place(plan, experiment, {**record, "mode": "eager"})
    return forecast_stages(experiment, plan.builder(experiment), plan.goal_of(experiment))


def _contestants(plan: Plan, record: Mapping[str, Any], threads: Sequence[int]) -> list[Contestant]:
    """A new game of the plan, to be timed with each of several numbers of threads."""
    experiment = plan.experiment()
    game = settle(experiment, record)
    return contestants(game, plan.builder(experiment), threads)
