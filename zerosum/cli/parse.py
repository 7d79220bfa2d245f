"""Options of a verb, parsed by tyro, with one sentence for a mistake."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

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
        arguments: The words after the verb.
        prog: Name of the command in its help.
        description: The help's first lines.
        defaults: An instance for each group, where its own defaults do not hold.

    Returns:
        An object with an instance per group.

    Raises:
        ConfigError: An option is unknown, or a value that is missing, no number, or none of an option's choices.
        SystemExit: Help was asked for (0), or a value of another kind cannot be read (2, after a message).
    """
    _check_readable(groups, list(arguments), prog)
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
        raise ConfigError(f"{prog} does not take {word!r} (see {prog} --help).")
    return parsed


def _check_readable(groups: dict[str, type], words: list[str], prog: str) -> None:
    """Check that each value is there and of its type, with a sentence where tyro would draw a box."""
    kinds = {option(name): hint for kind in groups.values() for name, hint in get_type_hints(kind).items()}
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        hint = kinds.get(flag.replace("_", "-"), bool)
        if hint is bool:
            continue
        name = flag[2:].replace("_", " ").replace("-", " ")
        values = [value] if equals else list(itertools.takewhile(lambda w: not w.startswith("--"), words[place + 1 :]))
        if not any(values):
            raise ConfigError(f"{name} needs a value (see {prog} --help).")
        several = get_origin(hint) is tuple
        for value in values if several else values[:1]:
            if (reason := _unreadable(get_args(hint)[0] if several else hint, name, value)) is not None:
                raise ConfigError(f"{reason} (see {prog} --help).")


def _unreadable(hint: Any, name: str, value: str) -> str | None:
    """Why a value is none of a type, where the type is of numbers and choices alone."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    reasons = []
    for part in (part for part in parts if part is not type(None)):
        if get_origin(part) is Literal:
            good, reason = value in map(str, get_args(part)), unknown(name, value, get_args(part))[:-1]
        elif part in (int, float):
            wanted = "a whole number" if part is int else "a number"
            good, reason = _reads(part, value), f"{name} must be {wanted}, got {value!r}"
        else:
            return None
        if good:
            return None
        reasons.append(reason)
    return next(iter(reasons), None)


def _reads(kind: type, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


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
    """The command that calls this program from here, for commands a user may copy."""
    called = Path(sys.argv[0])
    if called.suffix == ".py":
        return "python -m zerosum"
    if shutil.which(called.name) == str(called):
        return called.name
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
