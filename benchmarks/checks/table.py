"""``python -m benchmarks.checks.table``: the page ``docs/checks.md`` from the rows of the checks."""

from __future__ import annotations

import importlib
import json
import math
import pkgutil
from pathlib import Path
from typing import Any

import benchmarks.checks
from benchmarks.checks.checking import Bound, Check
from benchmarks.rows import RESULTS

FILE = RESULTS / "checks.jsonl"
PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
MOST = 4
"""Figures of a check that nothing is asked of."""

INTRODUCTION = """# Checks

Every figure that a recipe's page or the laboratory claims, by `python -m benchmarks.checks NAME --seed SEED`, which
appends a row to `benchmarks/results/checks.jsonl`; this page is made from those rows by
`python -m benchmarks.checks.table`. One thread of a processor, torch 2.13 CPU, on a machine that others use too. Values
stand in the order of the seeds. Where something is asked of a figure, the verdict says for how many seeds it holds;
what a miss is due to stands on the recipe's page.
"""
HEAD = """
| check | figure | by seed | asked | seeds | seconds | verdict |
|---|---|---|---|---|---|---|
"""


def modules() -> dict[str, Any]:
    """The modules with checks, by recipe or subject."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.checks.__path__)]
    own = ("__main__", "checking", "table")
    return {name: importlib.import_module(f"benchmarks.checks.{name}") for name in names if name not in own}


def found() -> dict[str, dict[str, Check]]:
    """All checks, by module and name."""
    return {name: module.CHECKS for name, module in modules().items()}


def page() -> str:
    """The page, from the rows that are there."""
    kept = [json.loads(line) for line in FILE.read_text().splitlines()]
    sections = [INTRODUCTION]
    for subject, module in modules().items():
        asked, lines = getattr(module, "ASKED", {}), []
        for check in module.CHECKS:
            rows = sorted((row for row in kept if row["check"] == check), key=lambda row: int(row["seed"]))
            if rows:
                lines += _lines(check, rows, asked.get(check, ()))
        page = next((PAGE.parent / "recipes").glob(f"*/{subject}.md"), None)
        title = f"[{subject}]({page.relative_to(PAGE.parent).as_posix()})" if page else subject
        sections.append(f"\n## {title}\n{HEAD}" + "\n".join(lines) + "\n")
    return "".join(sections)


def _lines(check: str, rows: list[dict[str, Any]], bounds: tuple[Bound, ...]) -> list[str]:
    """One line for each figure something is asked of, or for the first few."""
    names = list(rows[0]["figures"])
    chosen = [(name, bound) for bound in bounds for name in names if name.startswith(bound.figure)]
    unused = [bound.figure for bound in bounds if not any(name.startswith(bound.figure) for name in names)]
    if unused:
        raise ValueError(f"{check} has no figure {unused[0]!r} that a bound asks for; it has: {', '.join(names)}.")
    seeds = ", ".join(str(row["seed"]) for row in rows)
    seconds = [row["seconds"] for row in rows]
    spent = (
        f"{min(seconds):.0f} to {max(seconds):.0f}"
        if round(min(seconds)) < round(max(seconds))
        else f"{seconds[0]:.0f}"
    )
    lines = []
    for place, (name, bound) in enumerate(chosen or [(name, None) for name in names[:MOST]]):
        values = [row["figures"][name] for row in rows]
        said = ", ".join(f"{value:.3g}" for value in values)
        head = f"`{check}`" if place == 0 else ""
        tail = (seeds, spent) if place == 0 else ("", "")
        cells = (head, name.replace("|", "\\|"), said, _asked(bound), *tail, _verdict(values, bound))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _asked(bound: Bound | None) -> str:
    if bound is None:
        return ""
    ends = (
        f"≥ {bound.least:g}" if bound.least > -math.inf else "",
        f"≤ {bound.most:g}" if bound.most < math.inf else "",
    )
    return ", ".join(end for end in ends if end)


def _verdict(values: list[float], bound: Bound | None) -> str:
    if bound is None:
        return ""
    met = sum(bound.least <= value <= bound.most for value in values)
    return "met" if met == len(values) else "missed" if met == 0 else f"met by {met} of {len(values)}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())
    print(PAGE)


if __name__ == "__main__":
    main()
