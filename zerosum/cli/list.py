"""``zerosum list recipes|data|metrics``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zerosum import recipes
from zerosum.errors import ConfigError, unknown


def run(arguments: Sequence[str]) -> int:
    """Print what there is of a kind."""
    kinds: dict[str, Callable[[], dict[str, str]]] = {"recipes": recipes.summaries, "data": _data, "metrics": _metrics}
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: zerosum list {'|'.join(kinds)}")
        return 0 if arguments else 2
    if arguments[0] not in kinds:
        raise ConfigError(unknown("list", arguments[0], kinds))
    rows = kinds[arguments[0]]()
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:{width}}  {text}")
    return 0


def _data() -> dict[str, str]:
    from zerosum import api

    return api.data_sets()


def _metrics() -> dict[str, str]:
    from zerosum import api

    return api.metrics()
