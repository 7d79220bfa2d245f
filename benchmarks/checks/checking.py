"""What checks are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import zerosum as zs

Check = Callable[[int], Mapping[str, float]]
"""``seed -> {figure: value}``."""


def train(recipe: str, data: str, rounds: int, **settings: Any) -> Check:
    """A check by the recipe's own judges at the end of a run of its defaults, but for the settings named."""

    def check(seed: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            run = zs.train(recipe, data=data, rounds=rounds, seed=seed, threads=1, out=f"{folder}/run", **settings)
            return {result.metric: round(result.value, 4) for result in run.results}

    return check
