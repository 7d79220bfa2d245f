"""``zerosum train [auto|RECIPE]``: train, continue, or only forecast the cost."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from zerosum import recipes
from zerosum.cli.looking import looking
from zerosum.cli.parse import command, option, parse
from zerosum.cli.program import uncollected
from zerosum.errors import ConfigError, unknown

GOALS = ("--rounds", "--epochs", "--budget")


@dataclass(frozen=True)
class CommandLine:
    """Options of the command line alone."""

    config: Optional[Path] = None  # noqa: UP045 (as in api.Options)
    """TOML file of options by name; options on the command line replace them."""
    dry_run: bool = False
    """Print the configuration and a forecast of time and memory, write nothing."""
    debug: bool = False
    """Show the traceback of an error."""


def run(arguments: Sequence[str]) -> int:
    """Train a recipe."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            "usage: zerosum train [auto|RECIPE|FILE.py] [OPTIONS]\n\n"
            "  auto         look at the data, choose a recipe with reasons, and train; also without the word"
            "\n\nrecipes (zerosum train RECIPE --help lists the options):"
        )
        for name in recipes.names():
            print(f"  {name:12} {recipes.summary(name)}")
        return 0 if arguments else 2
    if arguments[0] == recipes.AUTO or arguments[0].startswith("-"):
        return _auto(arguments[arguments[0] == recipes.AUTO :])
    recipe, *words = arguments
    with uncollected():
        module = recipes.find(recipe)
        from zerosum import api

    api.check_settings(recipe, module.Config)
    groups = {"recipe": module.Config, "run": api.Options, "command_line": CommandLine}
    defaults = _defaults(words, groups)
    parsed = parse(groups, words, f"zerosum train {recipe}", recipes.summary(recipe), defaults)
    with looking("preparing") as progress:
        plan = api.resolve(recipe, parsed.run, dataclasses.asdict(parsed.recipe), progress)
    if parsed.command_line.dry_run:
        _print_forecast(plan)
        return 0
    return _train(plan, [recipe, *words])


def _auto(words: Sequence[str]) -> int:
    """Choose; print the reasons, the explicit command and the cost; then train."""
    with uncollected():
        from zerosum import api
    groups = {"run": api.Options, "command_line": CommandLine}
    about = "Look at the data, choose a recipe and its settings with reasons, and train."
    parsed = parse(groups, words, f"zerosum train {recipes.AUTO}", about, _defaults(words, groups))
    leads = os.environ.get("RANK", "0") == "0"
    with looking("looking at") as progress:
        chosen = api.planned(parsed.run, progress)
    with looking("preparing") as progress:
        plan = api.resolve(chosen.recipe, chosen.options, chosen.settings, progress)
    if leads:
        _print_choice(plan, chosen)
        if parsed.command_line.dry_run or not chosen.continued:
            _print_costs(plan)
    if parsed.command_line.dry_run:
        return 0
    return _train(plan, _as_command(plan, chosen))


def _print_choice(plan: Any, chosen: Any) -> None:
    if chosen.continued:
        print(f"{chosen.found}; it goes on as it was chosen: {plan.recipe}.")
        return
    print(chosen.found)
    for subject, reason in chosen.reasons:
        print(f"  {subject:13}{reason}")
    print(f"the same as a command:\n  {command()} train {shlex.join(_as_command(plan, chosen))}", flush=True)


def _as_command(plan: Any, chosen: Any) -> list[str]:
    """The explicit command: the recipe, its settings that were chosen, and the options that are not by default."""
    given = dataclasses.asdict(chosen.options) | {"out": plan.out}
    changed = {f.name: given[f.name] for f in dataclasses.fields(chosen.options) if given[f.name] != f.default}
    own = {f.name: f.default for f in dataclasses.fields(plan.config)}
    settings = {name: value for name, value in chosen.settings.items() if value != own[name]}
    words = [plan.recipe]
    for name, value in {**changed, **settings}.items():
        words += [option(name, not value)] if isinstance(value, bool) else [option(name), _plain(value)]
    return words


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _train(plan: Any, words: Sequence[str]) -> int:
    from zerosum import api

    leads = os.environ.get("RANK", "0") == "0"  # of the processes torchrun started; the others print nothing
    result = api.run_plan(plan, api.display() if leads else api.Silent())
    if leads:
        _print_run(plan, words[1:], result)
    return 0


def _config_file(words: Sequence[str]) -> Path | None:
    for i, word in enumerate(words):
        if word == "--config" and i + 1 < len(words):
            return Path(words[i + 1])
        if word.startswith("--config="):
            return Path(word.partition("=")[2])
    return None


def _defaults(words: Sequence[str], groups: dict[str, type]) -> dict[str, Any] | None:
    """The groups with the values of the command line's TOML file in place of their own."""
    path = _config_file(words)
    if path is None:
        return None
    import tomllib  # for this alone

    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config {path} is no TOML ({error}).") from None
    values = {name.replace("-", "_"): value for name, value in values.items()}
    known = {f.name for kind in groups.values() for f in dataclasses.fields(kind)} - {"config", "debug"}
    for name in values:
        if name not in known:
            raise ConfigError(f"{unknown('option', name, known)[:-1]} (in {path}).")
    if any(word.partition("=")[0] in GOALS for word in words):  # a goal of the command line replaces the file's
        values = {name: value for name, value in values.items() if option(name) not in GOALS}
    from zerosum.api import checked

    groups_of_file = {}
    for key, kind in groups.items():
        own = {field.name: field.default for field in dataclasses.fields(kind)}
        given = {name: value for name, value in values.items() if name in own}
        instance = checked(kind, given, str(path))
        # What the file leaves out is left open: a default that hangs on another option (a variant's own learning rate)
        # is settled when the command line has been read too.
        for name in own.keys() - given.keys():
            object.__setattr__(instance, name, own[name])
        groups_of_file[key] = instance
    return groups_of_file


def _print_forecast(plan: Any) -> None:
    print(f"recipe      {plan.recipe}")
    print(f"data        {plan.spec.name}, {plan.spec.kind.name} {'x'.join(map(str, plan.spec.shape))}, ", end="")
    print("endless" if plan.spec.count is None else f"{plan.spec.count} training examples")
    print(f"out         {plan.out}")
    from zerosum.api.machine import new_record

    record = new_record(plan)
    for name in ("seed", "device", "threads", "mode"):
        print(f"{name:12}{record[name]}")
    for field in dataclasses.fields(plan.config):
        print(f"{option(field.name):24}{getattr(plan.config, field.name)}")
    for text in plan.notices:
        print(text)
    _print_costs(plan)


def _print_costs(plan: Any) -> None:
    from zerosum.api import duration, forecast

    costs = forecast(plan)
    for cost in costs:
        if len(costs) > 1:
            print(f"stage       {cost.stage}")
        examples = cost.examples_per_round
        print(f"parameters  {', '.join(f'{name} {count:,}' for name, count in cost.parameters.items())}")
        speed = cost.rounds_per_second
        print(f"speed       {speed:,.0f} rounds/s, {speed * examples:,.0f} examples/s (a trial)")
        print(f"time        {duration(cost.seconds)} for {cost.rounds:,} rounds, {cost.rounds * examples:,} examples")
        print(f"memory      {'unknown on this system' if cost.memory is None else _size(cost.memory)} at the peak")
        print(f"disk        {_size(cost.checkpoint)} a checkpoint, 3 are kept")


def _print_run(plan: Any, words: Sequence[str], run: Any) -> None:
    from zerosum.api import duration

    print(f"done: round {run.round:,}, {run.examples:,} examples, {duration(run.seconds)} of training.")
    for result in run.results:
        interval = "" if result.interval is None else f" (95 %: {result.interval[0]:.3f} to {result.interval[1]:.3f})"
        print(f"  {result.metric} = {result.value:.4g}{interval}")
    if run.picture is not None:
        print(f"samples: {run.picture}")
    print(f"report: {run.path / 'report.html'}")
    me = command()
    print("next:")
    print(f"  {me} sample {shlex.quote(str(run.path))} --n 100 --out more.png")
    longer = [plan.recipe, *_without_goal(words), "--rounds", str(2 * run.round)]
    print(f"  {me} train {shlex.join(longer)}")
    print(f"  {me} show {plan.recipe}")


def _without_goal(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        name, equals, _ = word.partition("=")
        goal = name in GOALS
        if not goal and not skip and word != "--fresh":
            kept.append(word)
        skip = goal and not equals
    return kept


def _size(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MiB" if count < 1 << 30 else f"{count / (1 << 30):,.1f} GiB"
