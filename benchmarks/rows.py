"""Results: a JSON line for every row, with the machine it was measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerosum.runtime import machine

RESULTS = Path(__file__).parent / "results"


def keep(name: str, row: Mapping[str, Any]) -> None:
    """Add a row to the results of a benchmark.

    Args:
        name: Of the benchmark.
        row: What was measured.
    """
    facts = {key: value for key, value in machine().items() if key != "host"}
    with (RESULTS / f"{name}.jsonl").open("a") as file:
        file.write(json.dumps({**row, **facts}) + "\n")
