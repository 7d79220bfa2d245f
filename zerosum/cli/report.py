"""``zerosum report RUN``: a run as one page that can be mailed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum import api
from zerosum.cli.parse import parse, run_and_words


@dataclass(frozen=True)
class ReportOptions:
    """The file and the code."""

    out: Path | None = None
    """An .html; report.html in the run folder by default."""
    trust: bool = False
    """Run the copy of a recipe of your own that lies in the run folder, where the original has changed or gone."""


def run(arguments: Sequence[str]) -> int:
    """Write the report of a run."""
    prog = "zerosum report RUN"
    folder, words = run_and_words(arguments, prog)
    options = parse({"options": ReportOptions}, words, prog, "Write the report of a run.").options
    print(f"report: {api.report(folder, options.out, options.trust)}")
    return 0
