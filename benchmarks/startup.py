"""From the command to its first round: ``python -m benchmarks.startup``.

CPU seconds of a process that imports torch and of one that is told ``zerosum train`` and stops where its first round
would begin, by turns; what is told is the difference of the least of either, as noise only ever adds, and the median
of the differences. Both have their byte code, as installed packages have. A row is added to
``benchmarks/results/startup.jsonl``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

import tyro

from benchmarks import rows

IMPORT = "import time, torch; print(time.process_time())"

FIRST_ROUND = """
import os, sys, time
from zerosum import recipes
from zerosum.cli import main

def stop(*_):
    print(time.process_time(), flush=True)
    os._exit(0)

find = recipes.find
def found(name):
    module = find(name)
    from zerosum.game import Game
    Game.play = stop
    return module
recipes.find = found
sys.exit(main(["train", "vanilla", "--data", "digits", "--rounds", "1", "--out", sys.argv[1]]))
"""


def seconds(*words: str) -> float:
    """CPU seconds that a new interpreter prints last."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", *words], env={**environment, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split()[-1])


def main(turns: int = 15, keep: bool = True) -> None:
    """Measure.

    Args:
        turns: Of either process, after one that is not counted.
        keep: Add the row to the results.
    """
    imports, firsts = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns + 1):
            pair = seconds(IMPORT), seconds(FIRST_ROUND, f"{folder}/{turn}")
            if turn:
                imports.append(pair[0])
                firsts.append(pair[1])
    gap = min(firsts) - min(imports)
    median = statistics.median(first - alone for alone, first in zip(imports, firsts, strict=True))
    print(
        f"torch {min(imports):.2f} s, the first round {min(firsts):.2f} s: {gap:.2f} s more "
        f"(median of {turns} differences {median:.2f} s)"
    )
    if keep:
        row = {"torch_seconds": imports, "first_round_seconds": firsts, "gap": gap, "median": median}
        rows.keep("startup", row)


if __name__ == "__main__":
    tyro.cli(main)
