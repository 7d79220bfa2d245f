"""A training from its names: recipe, data and options become an experiment that the loop trains."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

import zerosum
from zerosum import recipes
from zerosum.api.builds import batch_dependent, build
from zerosum.api.memory import refuse_too_large, running_out
from zerosum.api.options import Options, checked, seconds_of
from zerosum.data import Data, open_data, own_of
from zerosum.data.walk import Progress
from zerosum.errors import ConfigError, ZerosumError
from zerosum.game import Game
from zerosum.profiling import autotune
from zerosum.profiling.forecast import Forecast, forecast
from zerosum.report import pictures
from zerosum.runtime import choose_device, machine
from zerosum.training import BatchBuilder, Experiment, Goal, Intervals, Ranks, Run, RunFolder, Stages, Training, follow
from zerosum.training.display import Display, Silent, display
from zerosum.training.folder import RECORD
from zerosum.training.interrupts import Interrupts
from zerosum.training.settings import SINCE, settle, with_threads
from zerosum.training.tensorboard import refuse_where_missing

FEW = 100
"""Training examples below which a run begins with a warning."""


class Plan:
    """A training about to start: names resolved, values checked, nothing written.

    Arguments:
        recipe: Name of a recipe, or the path of a user's own.
        options: Goal, place and machine.
        settings: Fields of the recipe's Config by name; those left out keep the paper's values.
        progress: Told after every image of one's own that has to be prepared.

    Attributes:
        config: The recipe's configuration.
        source: Where the data come from: a name of the catalogue, or an absolute path.
        notices: Sentences the user should see.

    Raises:
        ConfigError: A name is unknown or a value out of range.
        DataError: The data cannot be opened.
    """

    def __init__(self, recipe: str, options: Options, settings: Mapping[str, Any], progress: Progress | None = None):
        self._progress = progress
        self.module = recipes.find(recipe)
        self.recipe, self.options = recipe, checked(Options, dataclasses.asdict(options), f"recipe {recipe}")
        self.notices: list[str] = []
        self.config = checked(self.module.Config, settings, f"recipe {recipe}")
        data = self.source = options.data
        if own := own_of(options.data):
            path, given = own
            told = f"[{given}]" if given else ""
            data, self.source = f"{path.resolve().name}{told}", f"{path.resolve()}{told}"
        plain_data = re.sub(r"[^A-Za-z0-9.=-]+", "-", data).strip("-")
        self._code = recipes.code(self.module)
        self._name = self._code.path.name if self._code else recipe
        self.out = self.options.out or Path("runs") / f"{self._name.removesuffix('.py')}-{plain_data}"
        opened = self._open("train")
        self.spec = opened.spec
        self.notices += getattr(opened, "notices", ())
        if self.spec.count is not None and self.spec.count < FEW:
            self.notices.append(
                f"{self.spec.count} training examples only: the networks will learn them by heart (overfit); "
                "what is generated will be copies of them."
            )
        if self.spec.count is not None and self.config.batch_size > self.spec.count:
            self.notices.append(
                f"batch size {self.config.batch_size} is more than the {self.spec.count} examples; "
                f"training on batches of {self.spec.count}."
            )
            self.config = dataclasses.replace(self.config, batch_size=self.spec.count)
        if self.options.tensorboard:
            refuse_where_missing()
        ranks = int(os.environ.get("WORLD_SIZE", "1"))
        if self.config.batch_size % ranks:
            raise ConfigError(
                f"every rank plays an equal part of a batch: batch_size must be a multiple of {ranks}, got "
                f"{self.config.batch_size}."
            )
        if ranks > 1 and self.options.mode in ("graph", "compile"):
            raise ConfigError(f"mode {self.options.mode!r} is for one rank yet, got {ranks}; use --mode eager.")
        refuse_too_large(self.module, self.config, self.spec, choose_device(self.options.device))
        self._record: dict[str, Any] | None = None
        self._seconds = None if self.options.budget is None else seconds_of(self.options.budget)
        goals = [f"--{name}" for name in ("rounds", "epochs", "budget") if getattr(self.options, name) is not None]
        if len(goals) > 1:
            raise ConfigError(f"a run has one goal, got {' and '.join(goals)}; give one of them.")
        if self.options.epochs is not None and self.spec.count is None:
            raise ConfigError(f"data {self.spec.name!r} is endless and has no epochs; give --rounds or --budget.")

    def record(self) -> dict[str, Any]:
        """What ``config.json`` says of a new run."""
        if self._record is None:
            self._record = self._written()
        return self._record

    def _written(self) -> dict[str, Any]:
        device = choose_device(self.options.device)
        return {
            "recipe": self._name,
            **({"code": {"path": str(self._code.path), "sha256": self._code.sha256}} if self._code else {}),
            "config": dataclasses.asdict(self.config),
            "data": {
                "fingerprint": self._open("train").fingerprint,
                "spec": self.spec.record(),
            },
            "seed": self.options.seed,
            "source": self.source,
            "device": str(device),
            "threads": self.options.threads or torch.get_num_threads(),
            "mode": "eager" if self.options.mode in (None, "auto") else self.options.mode,
            "precision": self.options.precision or "float32",
            "micro_batches": self.options.micro_batches or 1,
            "ranks": int(os.environ.get("WORLD_SIZE", "1")),
            "zerosum": zerosum.__version__,
            **machine(),
        }

    def goal(self, experiment: Experiment) -> Goal:
        """The goal in the loop's terms."""
        if self.options.epochs is not None:
            assert self.spec.count is not None
            return Goal(examples=self.options.epochs * self.spec.count)
        if self._seconds is not None:
            return Goal(seconds=self._seconds)
        return Goal(rounds=self.options.rounds or sum(stage.rounds for stage in experiment.stages))

    def builder(self, experiment: Experiment) -> BatchBuilder:
        """What feeds an experiment of this plan, on the device it is on."""
        device, seed = experiment.game.device, self.options.seed
        data = open_data(self.options.data, "train", seed, device, self.options.data_root)
        return BatchBuilder(data, experiment.priors, experiment.game.schedule, self.config.batch_size, seed, device)

    def train(self, show: Display) -> Run:
        """Train, from wherever the run folder stands."""
        record = self.record()
        apart = [
            f"{count} {what}"
            for count, what in ((record["ranks"], "ranks"), (record["micro_batches"], "micro-batches"))
            if count > 1
        ]
        if apart and (players := batch_dependent(self.module, self.config, self._open("train"))):
            self.notices.append(
                f"batch-dependent objectives ({', '.join(players)}): {' and '.join(apart)} play another game than one."
            )
        ranks = Ranks.join(record["device"])
        try:
            with with_threads(record["threads"]):
                ranks.agree({**record["config"], **{key: record[key] for key in ("recipe", "data", "seed", "torch")}})
                return self._lead(record, ranks, show) if ranks.leads else self._follow(ranks)
        finally:
            ranks.close()

    def _follow(self, ranks: Ranks) -> Run:
        """Train as the leader says; nothing is read or written here."""
        experiment = build(self.module, self.config, self.spec, self.options.seed)
        stages = None
        if settings := ranks.share(None):
            self._settle(experiment, settings)
            stages = Stages(experiment, self.builder(experiment), functools.cache(self._open))
            with Interrupts():
                follow(stages, ranks)
        round, examples = (stages.round, stages.examples) if stages else (0, 0)
        return Run(self.out, round, examples, 0.0, [], None)

    def _lead(self, record: dict[str, Any], ranks: Ranks, show: Display) -> Run:
        """Train, alone or with others."""
        folder: RunFolder | None = None
        try:
            try:
                experiment = build(self.module, self.config, self.spec, self.options.seed)
                with self._memory_said():
                    self._choose(record, experiment)
                folder = RunFolder.claim(self.out, record, self.options.fresh)
                if self._code is not None:
                    folder.keep_code(self._code.text)
                for text in (*self.notices, *folder.notices):
                    show.note(text)
                amended = self._take_settings(folder, record, experiment)
            except BaseException:
                ranks.share(None)  # or the others would wait
                raise
            ranks.share({key: folder.record.get(key) for key in ("device", "threads", "mode", *SINCE)})
            options = self.options
            training = Training(
                experiment,
                self.builder(experiment),
                folder,
                self.goal(experiment),
                functools.cache(self._open),
                Intervals(options.log_every, options.sample_every, options.save_every),
                show,
                amended,
                ranks,
                options.tensorboard,
                pictures.preview,
                _write_report,
            )
            with self._memory_said(folder):
                return training.run()
        except ZerosumError:
            raise
        except ValueError as error:
            if self._code is None:
                raise
            # What the engine says of the user's own recipe; raised in the recipe itself, it has a line.
            raise ConfigError(f"{recipes.place(error) or self._name}: {error}") from error
        finally:
            if folder is not None:
                folder.release()

    def forecast(self) -> list[Forecast]:
        """What each stage would cost, from a trial of a second or two in eager mode; nothing is written."""
        record = self.record()
        with self._memory_said(), with_threads(record["threads"]):
            self._choose(record, build(self.module, self.config, self.spec, self.options.seed))
            return self._costs(record)

    def _memory_said(self, folder: RunFolder | None = None) -> AbstractContextManager[None]:
        return running_out(self.config.batch_size, self.spec, self.options.micro_batches or 1, folder)

    def _costs(self, record: Mapping[str, Any]) -> list[Forecast]:
        experiment = build(self.module, self.config, self.spec, self.options.seed)
        self._settle(experiment, {**record, "mode": "eager"})
        return forecast(experiment, self.builder(experiment), self.goal(experiment))

    def _choose(self, record: dict[str, Any], experiment: Experiment) -> None:
        """What a fresh run leaves to us: threads and mode; the choice is recorded, with its reason."""
        if (self.out / RECORD).exists() and not self.options.fresh:
            return
        alone = record["ranks"] == 1  # ranks meet in every round, so that none of them can try anything by itself
        if record["device"] == "cpu" and self.options.threads is None and record["threads"] > 1 and alone:
            record["threads"] = autotune.threads(self._trial(record), record["threads"])
        traceable = all(player.update.plain is not None for player in experiment.game.players.values())
        if self.options.mode == "auto":
            record["mode"], record["mode_reason"] = autotune.mode(
                record["device"],
                record["ranks"],
                traceable,
                lambda: sum(cost.seconds for cost in self._costs(record)),
                lambda: autotune.gain(
                    self._trial(record), self._trial({**record, "mode": "compile"}), record["threads"]
                ),
            )
            self.notices.append(f"mode {record['mode']}: {record['mode_reason']}.")
        elif self.options.mode is None and record["device"].startswith("cuda") and traceable and alone:
            record["mode"] = "graph"
        self._settle(experiment, record)  # what cannot be played so is refused before anything is written

    def _trial(self, record: Mapping[str, Any]) -> autotune.Trial:
        """A game of this plan to try things on."""
        experiment = build(self.module, self.config, self.spec, self.options.seed)
        settle(experiment, record)
        return autotune.trial(experiment, self.builder(experiment))

    def _open(self, split: str) -> Data:
        return open_data(self.options.data, split, root=self.options.data_root, progress=self._progress)

    def _settle(self, experiment: Experiment, settings: Mapping[str, Any]) -> Game:
        parts = settings["ranks"] * settings["micro_batches"]
        turns = [turn for stage in experiment.stages for turn in stage.game.schedule.turns]
        for size in (self.config.batch_size, *(turn.size for turn in turns if turn.size)):
            if size % parts:
                raise ConfigError(
                    f"ranks and micro-batches play equal parts of a batch: {parts} of them cannot share {size} "
                    "examples; take another number of them, or another batch_size."
                )
        if self.options.activation_checkpointing:
            for stage in experiment.stages:
                stage.game.enable_activation_checkpointing()
        return settle(experiment, settings)

    def _take_settings(self, folder: RunFolder, record: Mapping[str, Any], experiment: Experiment) -> list[str]:
        """Settings are those recorded, unless others are asked for; what the machine now is, it is."""
        asked = {
            "device": None if self.options.device == "auto" else record["device"],
            "threads": self.options.threads,
            "mode": None if self.options.mode == "auto" else self.options.mode,
            "precision": self.options.precision,
            "micro_batches": self.options.micro_batches,
            **{key: record[key] for key in ("ranks", "zerosum", "torch", "processor", "host")},
        }
        for key, value in SINCE.items():
            folder.record.setdefault(key, value)
        changes = {key: value for key, value in asked.items() if value is not None}
        # First, so that what cannot be played is not recorded either.
        game = self._settle(experiment, {**record, **folder.record, **changes})
        amended = folder.amend(max(folder.checkpoints.rounds(), default=0), changes)
        if folder.record.get("executions") != game.executions:
            folder.record["executions"] = game.executions
            folder.write_record()
        return amended


def _write_report(path: Path, record: Mapping[str, Any], experiment: Experiment) -> None:
    from zerosum.report import report  # at the end of a training, which begins sooner without it

    report.write(path, record, experiment)


def train(
    recipe: str,
    *,
    progress: bool = True,
    **options_and_settings: Any,
) -> Run:
    """Train a recipe on data; the same call again continues the run, to a larger goal if there is one.

    Arguments:
        recipe: Name of a recipe (``zerosum list recipes``), or the path of your own, which ends with ``.py``; ``auto``
            looks at the data and chooses.
        progress: Show how it goes, as a live display on a terminal and as lines elsewhere.
        **options_and_settings: Fields of :class:`Options` (``data``, ``out``, ``rounds``, ``seed``, ...) and of the
            recipe's ``Config`` (``learning_rate``, ...).

    Raises:
        ConfigError: A name is unknown, a value is out of range, or ``out`` holds another run.
        DataError: The data cannot be read.
        RunError: The run folder cannot be used.
        Diverged: The numbers left the finite.
        Interrupted: A signal came (Ctrl-C is one); everything is saved.

    Examples:
        >>> import tempfile
        >>> run = train("vanilla", data="digits", rounds=5, out=tempfile.mkdtemp(), progress=False)
        >>> run.round, run.examples
        (5, 640)
    """
    shown = display() if progress else Silent()
    known = {f.name for f in dataclasses.fields(Options)}
    options = {name: value for name, value in options_and_settings.items() if name in known}
    settings = {name: value for name, value in options_and_settings.items() if name not in known}
    if recipe == recipes.AUTO:
        from zerosum.api.auto import planned  # for this alone

        if settings:
            raise ConfigError(
                f"auto chooses the recipe and its settings, got {', '.join(settings)}; name a recipe to set them."
            )
        chosen = planned(Options(**options))
        for what, why in chosen.reasons:
            shown.note(f"{what}: {why}" if what else why)
        recipe, settings = chosen.recipe, dict(chosen.settings)
        return Plan(recipe, chosen.options, settings).train(shown)
    return Plan(recipe, Options(**options), settings).train(shown)
