"""``zerosum replay RUN``: a round of a run played again, to find the cause of a divergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum import api
from zerosum.cli.parse import parse, run_and_words
from zerosum.config import Count


@dataclass(frozen=True)
class ReplayOptions:
    """The round and its data."""

    round: Count | None = None
    """Round to play, counted from 1 as in the log; after a divergence the first with gradients not finite."""
    data_root: Path | None = None
    """Folder that known data sets lie in; $ZEROSUM_DATA, or a cache in the home, by default."""
    trust: bool = False
    """Run the copy of a recipe of your own that lies in the run folder, where the original has changed or gone."""


def run(arguments: Sequence[str]) -> int:
    """Replay a round of a run."""
    prog = "zerosum replay RUN"
    folder, words = run_and_words(arguments, prog)
    given = parse({"options": ReplayOptions}, words, prog, "Play a round of a run again and look into it.").options
    options = api.checked(ReplayOptions, vars(given), prog)
    found = api.replay(folder, options.round, options.data_root, options.trust)
    start = f"the checkpoint of round {found.start}" if found.start else "the beginning"
    print(f"round {found.round} of {folder}, after {found.examples} examples, played again from {start}:")
    for number, update in enumerate(found.updates, 1):
        skipped = "; skipped" if update.bad else ""
        print(f"  update {number}, of {update.player}: gradient norm {update.norm:.4g}{skipped}")
        for name, (count, size) in update.bad.items():
            print(f"    {name}: {count} of {size} not finite")
    for name, value in found.terms.items():
        print(f"  {name} {value:.6g}")
    for name, (low, high, bad) in found.batch.items():
        print(f"  {name} from {low:.4g} to {high:.4g}{f', {bad} not finite' if bad else ''}")
    if options.round is None and not found.skipped:
        print("  every update was finite: played again, the run does not diverge by here.")
    return 0
