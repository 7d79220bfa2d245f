"""The report of a run, on demand."""

from __future__ import annotations

from pathlib import Path

from zerosum.api.models import load, record_of
from zerosum.api.samples import target
from zerosum.training import Run, report as page


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
