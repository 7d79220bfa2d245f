"""``zerosum show RECIPE``: the description of a recipe, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from zerosum import recipes
from zerosum.cli.parse import option
from zerosum.errors import ConfigError


def run(arguments: Sequence[str]) -> int:
    """Print a recipe's docstring, its players and turns on the digits, and its settings."""
    if len(arguments) == 1 and arguments[0] in ("-h", "--help"):
        print("usage: zerosum show RECIPE|FILE.py")
        return 0
    if len(arguments) != 1:
        raise ConfigError(f"zerosum show needs the name of one recipe ({', '.join(recipes.names())}).")
    recipes.find(arguments[0])
    from zerosum import api

    recipe = api.describe(arguments[0])
    print(f"{recipe.text}\n\nOn digits:")
    for name, text in recipe.networks.items():
        print(f"  network {name}: {text}")
    for name, text in recipe.players.items():
        print(f"  player {name} {text}")
    for number, text in enumerate(recipe.turns, 1):
        print(f"  turn {number}: {text}")
    print(f"  outputs: {', '.join(recipe.outputs)}")
    if recipe.batch_dependent:
        print(f"  batch-dependent ({', '.join(recipe.batch_dependent)}): micro-batches and ranks change the result")
    else:
        print("  not batch-dependent: micro-batches and ranks do not change the result")
    print("\nSettings (zerosum train RECIPE --help explains them):")
    for name, value in recipe.settings.items():
        print(f"  {option(name, value):22} {_value(value)}")
    return 0


def _value(value: object) -> str:
    """A setting's value; of a switch, which takes no value, its state."""
    return f"(it is {'on' if value else 'off'})" if isinstance(value, bool) else str(value)
