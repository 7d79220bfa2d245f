"""``python -m benchmarks.checks NAME --seed 0``: one check, or with a module's name all of its checks.

A row for each is appended to ``benchmarks/results/checks.jsonl``; a row that is there already is not made again. The
page of the docs is made from these rows by ``python -m benchmarks.checks.table``.
"""

from __future__ import annotations

import json
import time

import torch
import tyro

from benchmarks.checks.table import FILE, found
from zerosum.errors import unknown
from zerosum.runtime import machine


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
