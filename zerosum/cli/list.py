"""``zerosum list recipes|data|metrics``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zerosum import recipes
from zerosum.errors import ConfigError, unknown


def run(arguments: Sequence[str]) -> int:
    """Print recipes, data or metrics, with a line each."""
    kinds: dict[str, Callable[[], dict[str, dict[str, str]]]] = {
        "recipes": _recipes,
        "data": _data,
        "metrics": _metrics,
    }
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: zerosum list {'|'.join(kinds)}")
        return 0 if arguments else 2
    if arguments[0] not in kinds:
        raise ConfigError(unknown("list", arguments[0], kinds))
    groups = kinds[arguments[0]]()
    width = max(len(name) for rows in groups.values() for name in rows)
    for heading, rows in groups.items():
        if heading:
            print(heading)
        for name, text in rows.items():
            print(f"{'  ' if heading else ''}{name:{width}}  {text}")
    return 0


def _recipes() -> dict[str, dict[str, str]]:
    branches = {name: recipes.branch(name) for name in recipes.names()}
    return {
        text: {name: recipes.summary(name) for name, of in branches.items() if of == branch}
        for branch, text in recipes.BRANCHES.items()
        if branch in branches.values()
    }


def _data() -> dict[str, dict[str, str]]:
    from zerosum import api

    return {"": api.data_sets()}


def _metrics() -> dict[str, dict[str, str]]:
    from zerosum import api

    return {"": api.metrics()}
