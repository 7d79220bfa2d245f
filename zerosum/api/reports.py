"""What a run tells: its log as records, its report as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zerosum.api.models import load, record_of
from zerosum.api.samples import target
from zerosum.report import report as page
from zerosum.training import Run, log


def read_log(run: Run | Path | str) -> list[dict[str, Any]]:
    """The log of a run, a record for each line: ``round``, ``images``, ``seconds``, and ``terms`` or an ``event``.

    Terms are means since the line before, by ``player/term``; None stands for a number that is not finite.

    Arguments:
        run: A run folder, or what training returned; one that trains just now is read as far as it is.

    Raises:
        RunError: The folder holds no run, or a line is damaged.
    """
    path, _ = record_of(run)
    return list(log.read(path / "log.jsonl"))


def report(run: Run | Path | str, out: Path | str | None = None, trust: bool = False) -> Path:
    """Write the report of a run as one HTML page, which needs nothing else and fetches nothing.

    Arguments:
        run: A run folder, or what training returned; one that trains just now is told as far as it is.
        out: An ``.html``; by default ``report.html`` in the run folder.
        trust: As for :func:`load`.

    Returns:
        Where it is.

    Raises:
        ConfigError: The file has another ending, or its folder is not there.
        RunError: The folder holds no run.
    """
    path, record = record_of(run)
    where = None if out is None else target(out, "a report is an .html", ".html")
    model = load(path, trust=trust)
    return page.write(path, record, model.experiment, where)
