"""Options of a verb by tyro, with unknown ones answered in one sentence."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from zerosum.errors import ConfigError, unknown


def parse(
    groups: dict[str, type],
    arguments: Sequence[str],
    prog: str,
    description: str,
    defaults: dict[str, Any] | None = None,
) -> Any:
    """Parse options into dataclasses whose fields share one flat namespace.

    Arguments:
        groups: Dataclasses by name.
        arguments: What the user typed after the verb.
        prog: What the help calls the command.
        description: The help's first lines.
        defaults: An instance for each group, where its own defaults do not hold.

    Returns:
        An object with an instance per group.

    Raises:
        ConfigError: An option nobody knows, or a value that is none of an option's choices.
        SystemExit: Help was asked for (0), or a value cannot be read (2, after a message).
    """
    _refuse_other_choices(groups, list(arguments), prog)
    # Groups are not seen in the help. Without a help of their own, tyro would look for one in the source of the class
    # below, which has none.
    group = tyro.conf.arg(name="", help="")
    flat = dataclasses.make_dataclass("Options", [(name, Annotated[kind, group]) for name, kind in groups.items()])
    parsed, rest = tyro.cli(
        flat,
        args=list(arguments),
        prog=prog,
        description=description,
        default=flat(**defaults) if defaults else tyro.MISSING_NONPROP,
        return_unknown_args=True,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
    )
    if rest:
        word = next((w for w in rest if w.startswith("--")), rest[0])
        known = [option(f.name, f.default) for kind in groups.values() for f in dataclasses.fields(kind)]
        if word.startswith("-"):
            raise ConfigError(f"{unknown('option', word.partition('=')[0], known)[:-1]} (see {prog} --help).")
        raise ConfigError(f"{prog} does not know what to do with {word!r} (see {prog} --help).")
    return parsed


def _refuse_other_choices(groups: dict[str, type], words: list[str], prog: str) -> None:
    """Say the nearest choice to a value that is none, where tyro would list them all."""
    for kind in groups.values():
        for name, hint in get_type_hints(kind).items():
            # of Literal[...] | None the choices of the first
            choices = next((get_args(part) for part in (hint, *get_args(hint)) if get_origin(part) is Literal), ())
            for place, word in enumerate(words):
                flag, equals, value = word.partition("=")
                if not choices or flag.replace("_", "-") != option(name):
                    continue
                value = value if equals else next(iter(words[place + 1 : place + 2]), "")
                if value and not value.startswith("-") and value not in map(str, choices):
                    raise ConfigError(f"{unknown(name.replace('_', ' '), value, choices)[:-1]} (see {prog} --help).")


def run_and_words(arguments: Sequence[str], prog: str) -> tuple[str, list[str]]:
    """The folder of a run that a verb begins with, and the words after it; a stand-in where help is asked for.

    Raises:
        ConfigError: There is no folder.
    """
    if not arguments or arguments[0].startswith("-"):
        if not {"-h", "--help"} & set(arguments):
            raise ConfigError(f"{prog} needs the folder of a run.")
        return "RUN", ["--help"]
    folder, *words = arguments
    return folder, words


def option(name: str, default: object = None) -> str:
    """A field's name as an option; of a switch that is on, the option that turns it off."""
    return ("--no-" if default is True else "--") + name.replace("_", "-")


def command() -> str:
    """How this program can be called from here, for commands a user may copy."""
    called = Path(sys.argv[0])
    if called.suffix == ".py":
        return "python -m zerosum"
    if shutil.which(called.name) == str(called):
        return called.name
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
