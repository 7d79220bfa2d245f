"""Logs of a run (``log.jsonl``, ``metrics.jsonl``): one JSON object per line, appended; a torn last line is skipped."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zerosum.errors import RunError
from zerosum.metrics import Result
from zerosum.training import files


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line. Numbers that are not finite become null: JSON has no other way to say it."""
    _drop_torn_line(path)
    files.append(path, (json.dumps(plain(record), allow_nan=False) + "\n").encode())


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a log; a torn last line is left out, a missing file is an empty log.

    Raises:
        RunError: A whole line is no JSON.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
            except ValueError:
                raise RunError(f"line {number} of {path} is damaged; remove that line.") from None
            yield record


def size(path: Path) -> int:
    """Bytes in a log; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def cut(path: Path, length: int) -> bool:
    """Cut a log to the length it had; False where it is shorter than that."""
    have = size(path)
    if have > length:
        files.truncate(path, length)
    return have >= length


def keep_rounds(path: Path, last: int) -> None:
    """Drop the records of rounds after ``last``."""
    records = list(read(path))
    kept = [r for r in records if r["round"] <= last]
    if len(kept) < len(records):
        files.replace(path, "".join(json.dumps(r) + "\n" for r in kept).encode())


def _drop_torn_line(path: Path) -> None:
    """Cut what a killed process left half written, so that the next line does not continue it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
    files.truncate(path, whole)


def plain(value: Any) -> Any:
    """The same for JSON, which has no NaN and no infinity: None in their place."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def keep_result(path: Path, round: int, result: Result, own: bool = True) -> None:
    """Add a result of a round to a run's metrics.

    Arguments:
        path: Of the log.
        round: Of the networks evaluated; 0 for a control, which does not depend on the model.
        result: The result.
        own: Whether it was measured on the data the run was trained on.
    """
    append(path, {"round": round, **dataclasses.asdict(result), "own": own})


def find_result(path: Path, round: int, metric: str, seed: int, subject: str = "model") -> Result | None:
    """A result kept before on the run's own data, or None: the same protocol would only say the same again.

    Arguments:
        path: Of the log.
        round: Of the networks evaluated.
        metric: Its full name.
        seed: Of the samples.
        subject: The model, or a control's name.
    """
    for record in read(path):
        key = (record["round"], record["metric"], record["seed"], record.get("subject", "model"))
        if key == (round, metric, seed, subject) and record.get("own", True):
            fields = {f.name: record[f.name] for f in dataclasses.fields(Result) if f.name in record}
            interval = fields["interval"]
            return Result(**{**fields, "interval": None if interval is None else tuple(interval)})
    return None
