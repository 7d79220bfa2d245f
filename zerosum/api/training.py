"""Training: a plan is trained in its run folder, alone, as the leader of several ranks, or as a follower."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerosum import recipes
from zerosum.api.machine import choose, memory_explained, new_record, place, take_settings
from zerosum.api.options import Options, settings_of
from zerosum.api.plans import Plan, batch_dependent, resolve
from zerosum.errors import ConfigError, ZerosumError
from zerosum.report import pictures
from zerosum.training import Experiment, Intervals, Ranks, Run, RunFolder, Stages, Training, follow
from zerosum.training.display import Display, Silent, display
from zerosum.training.interrupts import Interrupts
from zerosum.training.settings import SINCE, with_threads


def train(
    recipe: str,
    config: object | None = None,
    *,
    progress: bool = True,
    **options_and_settings: Any,
) -> Run:
    """Train a recipe on data; the same call again continues the run, to a larger goal if there is one.

    Arguments:
        recipe: Name of a recipe (``zerosum list recipes``), or the path of your own, which ends with ``.py``; ``auto``
            looks at the data and chooses.
        config: Settings of the recipe: an instance of its ``Config``, or a dict of its fields.
        progress: Show the progress, as a live display on a terminal and as lines elsewhere.
        **options_and_settings: Fields of :class:`Options` (``data``, ``out``, ``rounds``, ``seed``, ...) and of the
            recipe's ``Config`` (``learning_rate``, ...), which replace those of ``config``.

    Raises:
        ConfigError: A name is unknown, a value is out of range, or ``out`` holds another run.
        DataError: The data cannot be read.
        RunError: The run folder cannot be used.
        Diverged: The training became non-finite.
        Interrupted: A signal came (Ctrl-C is one); everything is saved.

    Examples:
        >>> import tempfile
        >>> run = train("vanilla", data="digits", rounds=5, out=tempfile.mkdtemp(), progress=False)
        >>> run.round, run.examples
        (5, 640)
    """
    shown = display() if progress else Silent()
    known = {f.name for f in dataclasses.fields(Options)}
    options = Options(**{name: value for name, value in options_and_settings.items() if name in known})
    settings = {name: value for name, value in options_and_settings.items() if name not in known}
    if recipe == recipes.AUTO:
        from zerosum.api.auto import planned  # for this alone

        given = [*settings, *(["config"] if config is not None else [])]
        if given:
            raise ConfigError(
                f"auto chooses the recipe and its settings, got {', '.join(given)}; name a recipe to set them."
            )
        chosen = planned(options)
        for subject, reason in chosen.reasons:
            shown.note(f"{subject}: {reason}" if subject else reason)
        return run_plan(resolve(chosen.recipe, chosen.options, chosen.settings), shown)
    if config is not None:
        settings = settings_of(config, recipes.find(recipe).Config, recipe) | settings
    return run_plan(resolve(recipe, options, settings), shown)


def run_plan(plan: Plan, show: Display) -> Run:
    """Train a plan, from the newest checkpoint of its run folder or from the beginning.

    Arguments:
        plan: The training.
        show: Shows the progress.

    Raises:
        ConfigError: The run folder holds another run, or the game cannot be played so here.
        RunError: The run folder cannot be used.
        Diverged: The training became non-finite.
        Interrupted: A signal came; everything is saved.
    """
    record = new_record(plan)
    notices = [*plan.notices, *_batch_dependence(plan, record)]
    ranks = Ranks.join(record["device"])
    try:
        with with_threads(record["threads"]):
            ranks.agree({**record["config"], **{key: record[key] for key in ("recipe", "data", "seed", "torch")}})
            return _lead(plan, record, notices, ranks, show) if ranks.leads else _follow(plan, ranks)
    finally:
        ranks.close()


def _follow(plan: Plan, ranks: Ranks) -> Run:
    """Train as the leader says; nothing is read or written here."""
    experiment = plan.experiment()
    stages = None
    if settings := ranks.share(None):
        place(plan, experiment, settings)
        stages = Stages(experiment, plan.builder(experiment), plan.open)
        with Interrupts():
            follow(stages, ranks)
    round, examples = (stages.round, stages.examples) if stages else (0, 0)
    return Run(plan.out, round, examples, 0.0, [], None)


def _lead(plan: Plan, record: dict[str, Any], notices: list[str], ranks: Ranks, show: Display) -> Run:
    """Train, alone or with others."""
    folder: RunFolder | None = None
    options = plan.options
    try:
        try:
            experiment = plan.experiment()
            with memory_explained(plan):
                notices += choose(plan, record, experiment)
            folder = RunFolder.claim(plan.out, record, options.fresh)
            if plan.code is not None:
                folder.keep_code(plan.code.text)
            for text in (*notices, *folder.notices):
                show.note(text)
            amended = take_settings(plan, folder, record, experiment)
        except BaseException:
            ranks.share(None)  # or the others would wait
            raise
        ranks.share({key: folder.record.get(key) for key in ("device", "threads", "mode", *SINCE)})
        training = Training(
            experiment,
            plan.builder(experiment),
            folder,
            plan.goal_of(experiment),
            plan.open,
            Intervals(options.log_every, options.sample_every, options.save_every),
            show,
            amended,
            ranks,
            options.tensorboard,
            pictures.preview,
            _write_report,
        )
        with memory_explained(plan, folder):
            return training.run()
    except ZerosumError:
        raise
    except ValueError as error:
        if plan.code is None:
            raise
        # An error of the engine about the user's own recipe; raised in the recipe itself, it has a line.
        raise ConfigError(f"{recipes.place(error) or plan.name}: {error}") from error
    finally:
        if folder is not None:
            folder.release()


def _batch_dependence(plan: Plan, record: Mapping[str, Any]) -> list[str]:
    """A sentence where ranks or micro-batches change the training of batch-dependent players."""
    parts = [
        f"{count} {kind}"
        for count, kind in ((record["ranks"], "ranks"), (record["micro_batches"], "micro-batches"))
        if count > 1
    ]
    players = batch_dependent(plan.module, plan.config, plan.open("train")) if parts else []
    if not players:
        return []
    return [f"{' and '.join(parts)} change the training, as players are batch-dependent ({', '.join(players)})."]


def _write_report(path: Path, record: Mapping[str, Any], experiment: Experiment) -> None:
    from zerosum.report import report  # at the end of a training, which begins sooner without it

    report.write(path, record, experiment)
