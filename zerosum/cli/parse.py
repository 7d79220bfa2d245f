"""Options of a verb by tyro, with unknown ones answered in one sentence."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

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
        ConfigError: An option nobody knows.
        SystemExit: Help was asked for (0), or a value cannot be read (2, after a message).
    """
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
        known = [option(f.name) for kind in groups.values() for f in dataclasses.fields(kind)]
        if word.startswith("-"):
            raise ConfigError(f"{unknown('option', word.partition('=')[0], known)[:-1]} (see {prog} --help).")
        raise ConfigError(f"{prog} does not know what to do with {word!r} (see {prog} --help).")
    return parsed


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


def option(name: str) -> str:
    """A field's name as an option."""
    return "--" + name.replace("_", "-")


def command() -> str:
    """How this program can be called from here, for commands a user may copy."""
    called = Path(sys.argv[0])
    if called.suffix == ".py":
        return "python -m zerosum"
    if shutil.which(called.name) == str(called):
        return called.name
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
