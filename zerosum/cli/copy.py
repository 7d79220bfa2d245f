"""``zerosum copy RECIPE FILE``: a recipe as a file of your own, to be changed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from zerosum import recipes
from zerosum.cli.parse import command
from zerosum.errors import ConfigError


def run(arguments: Sequence[str]) -> int:
    """Write a recipe's file somewhere."""
    usage = "usage: zerosum copy RECIPE FILE.py"
    if {"-h", "--help"} & set(arguments):
        print(f"{usage}\n\nThe copy trains by its path: zerosum train FILE.py")
        return 0
    if len(arguments) != 2:
        raise ConfigError(
            f"zerosum copy needs a recipe ({', '.join(recipes.names())}) and a file that ends with .py, "
            f"got {len(arguments)} words."
        )
    name, target = arguments[0], Path(arguments[1])
    source = recipes.path_of(name)
    if target.suffix != ".py":
        raise ConfigError(f"a recipe of your own is a file that ends with .py, got {str(target)!r}.")
    try:
        with target.open("xb") as file:
            file.write(source.read_bytes())
    except FileExistsError:
        raise ConfigError(f"{target} is there already; choose another name.") from None
    except OSError as error:
        raise ConfigError(f"{target} cannot be written ({error.strerror}).") from None
    path, me = shlex.quote(str(target)), command()
    print(f"{name} is now {target}. next:\n  {me} check {path}\n  {me} train {path} --data digits")
    return 0
