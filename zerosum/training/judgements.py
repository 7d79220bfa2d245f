"""What judges said of a run: ``metrics.jsonl``, a line for each result."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from zerosum.metrics import Result
from zerosum.training import log


def keep(path: Path, round: int, result: Result, own: bool = True) -> None:
    """Add a result of a round to a run's judgements.

    Arguments:
        path: Of the log.
        round: Of the networks judged; 0 for a control, which stays true in any.
        result: What the judge said.
        own: Whether it was judged against the data the run was trained on.
    """
    log.append(path, {"round": round, **dataclasses.asdict(result), "own": own})


def find(path: Path, round: int, metric: str, seed: int, subject: str = "model") -> Result | None:
    """A result kept before on the run's own data, or None: the same protocol would only say the same again.

    Arguments:
        path: Of the log.
        round: Of the networks judged.
        metric: The judge's full name.
        seed: Of the samples.
        subject: The model, or a control's name.
    """
    for record in log.read(path):
        key = (record["round"], record["metric"], record["seed"], record.get("subject", "model"))
        if key == (round, metric, seed, subject) and record.get("own", True):
            fields = {f.name: record[f.name] for f in dataclasses.fields(Result) if f.name in record}
            interval = fields["interval"]
            return Result(**{**fields, "interval": None if interval is None else tuple(interval)})
    return None
