"""``python -m benchmarks.checks NAME --seed 0``: one check, or with a module's name all of its checks.

A row for each is appended to ``benchmarks/results/checks.jsonl``; a row that is there already is not made again. The
tables of the docs are made from these rows.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import time

import torch
import tyro

import benchmarks.checks
from benchmarks.checks.checking import Check
from benchmarks.rows import RESULTS
from zerosum.errors import unknown
from zerosum.runtime import machine

FILE = RESULTS / "checks.jsonl"


def found() -> dict[str, dict[str, Check]]:
    """All checks, by module and name."""
    modules = [module.name for module in pkgutil.iter_modules(benchmarks.checks.__path__)]
    return {
        name: importlib.import_module(f"benchmarks.checks.{name}").CHECKS
        for name in modules
        if name not in ("__main__", "checking")
    }


def main(name: tyro.conf.Positional[str], seed: int = 0) -> None:
    """Run checks and keep their rows.

    Args:
        name: Of one check, or of a recipe or subject: all of its checks.
        seed: Of everything random in them.
    """
    checks = found()
    chosen = checks.get(name) or {key: check for of in checks.values() for key, check in of.items() if key == name}
    if not chosen:
        raise SystemExit(unknown("check", name, [*checks, *(key for of in checks.values() for key in of)]))
    kept = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    torch.set_num_threads(1)
    for key, check in chosen.items():
        if any(row["check"] == key and row["seed"] == seed for row in kept):
            print(f"{key} seed {seed} is there already.")
            continue
        started = time.monotonic()
        figures = dict(check(seed))
        row = {"check": key, "seed": seed, "figures": figures, "seconds": round(time.monotonic() - started, 1)}
        facts = machine()
        row |= {fact: facts[fact] for fact in ("processor", "cores", "python", "torch")} | {"threads": 1}
        with FILE.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row))


if __name__ == "__main__":
    tyro.cli(main)
