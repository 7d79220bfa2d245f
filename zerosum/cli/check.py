"""``zerosum check RECIPE``: a recipe against the contract of all recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zerosum import api, recipes
from zerosum.cli.parse import parse
from zerosum.errors import ConfigError


@dataclass(frozen=True)
class CheckOptions:
    """The data it is built for."""

    data: str = "digits"
    """Data set by name, or a path."""


def run(arguments: Sequence[str]) -> int:
    """Check a recipe, most of all one's own; 2 where it does not keep everything."""
    if {"-h", "--help"} & set(arguments) and arguments[0].startswith("-"):
        print("usage: zerosum check RECIPE [--data DATA] [settings of the recipe]")
        return 0
    if not arguments or arguments[0].startswith("-"):
        raise ConfigError(f"zerosum check begins with a recipe ({', '.join(recipes.names())}) or the path of your own.")
    recipe, *words = arguments
    config = recipes.find(recipe).Config
    api.check_settings(recipe, config)
    groups: dict[str, type] = {"recipe": config, "options": CheckOptions}
    given: Any = parse(groups, words, f"zerosum check {recipe}", "Check a recipe against the contract of all recipes.")
    found = api.check(recipe, given.options.data, vars(given.recipe))
    for sentence, problem in found.items():
        print(f"  {'no ' if problem else 'yes'}  {sentence}")
        if problem:
            print(f"       {problem}")
    broken = sum(problem is not None for problem in found.values())
    print(f"{recipe} keeps {len(found) - broken} of {len(found)}, on {given.options.data}.")
    return 2 if broken else 0
