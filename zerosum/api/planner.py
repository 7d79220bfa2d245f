"""The ``auto`` planner: recipes propose trainings for data, a machine and a time, and the best proposal is chosen.

A recipe takes part by a function ``plan`` (:mod:`zerosum.training.planning`).
"""

from __future__ import annotations

import ast
import dataclasses
import functools

from zerosum import recipes
from zerosum.errors import DataError
from zerosum.training.planning import Choice, Facts, Machine, usual_seconds


def choose(facts: Facts, machine: Machine, seconds: float | None = None) -> Choice:
    """A training for these data on this machine; a function of its arguments alone.

    Arguments:
        facts: About the data.
        machine: To train on.
        seconds: Of training; half an hour on a CPU and two hours on a GPU by default.

    Raises:
        DataError: No recipe proposes a training for such data.
    """
    reasons: tuple[tuple[str, str], ...] = ()
    if seconds is None:
        seconds = usual_seconds(machine)
        reasons = (("budget", f"{seconds / 60:.0f} minutes, as none was given; --budget says another"),)
    proposals = [recipes.find(name).plan(facts, machine, seconds) for name in planners()]
    choices = [choice for choice in proposals if choice is not None]
    if not choices:
        raise DataError(
            f"no recipe proposes a training for {facts.kind} on {machine.device} (asked: {', '.join(planners())}); "
            "name a recipe."
        )
    best: Choice = max(choices, key=lambda choice: choice.rank)
    return dataclasses.replace(best, reasons=(*reasons, *best.reasons))


@functools.cache
def planners() -> tuple[str, ...]:
    """Recipes with a function ``plan``, found without importing any."""
    return tuple(name for name in recipes.names() if _has_plan(name))


def _has_plan(name: str) -> bool:
    tree = ast.parse(recipes.path_of(name).read_bytes())
    return any(isinstance(node, ast.FunctionDef) and node.name == "plan" for node in tree.body)
