"""Checks of the laboratory's scenes: the numbers of their pages at their default size."""

from __future__ import annotations

from benchmarks.checks.checking import Check
from zerosum import lab


def scene(name: str) -> Check:
    """A scene's tables as figures, each called by the row's words and the column."""

    def check(seed: int) -> dict[str, float]:
        module = lab.scene(name)
        figures = {}
        for row in module.play(module.Config(seed=seed)).numbers:
            said = ", ".join(value for key, value in row.items() if isinstance(value, str) and key != "table")
            for key, value in row.items():
                if isinstance(value, int | float) and not key.startswith("asked"):
                    figures[f"{said}: {key}" if said else key] = round(value, 4)
        return figures

    return check


CHECKS = {f"lab-{name}": scene(name) for name in ("learning-process", "order", "ratio", "blur")}
