"""``zerosum evaluate RUN``: metrics of a run's model, beside the controls they should be read with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerosum import api
from zerosum.cli.model import ModelOptions
from zerosum.cli.parse import parse, run_and_words
from zerosum.config import Count, NonNegativeCount


@dataclass(frozen=True)
class EvaluateOptions:
    """Which metrics, and on which data."""

    metrics: tuple[str, ...] = ()
    """Metrics by name, with parameters if any: parzen "parzen[grid=2014]". The recipe's own by default."""
    data: str | None = None
    """Data to compare with, by name or path; those the run was trained on by default."""
    data_root: Path | None = None
    """Folder that known data sets lie in or are downloaded to; $ZEROSUM_DATA, or a cache in the home, by default."""
    n: Count | None = None
    """Samples, in place of each metric's own number [examples]. Another n is another protocol."""
    features: str | None = None
    """Network that metrics like frechet see images through: random-conv. Their own by default."""
    seed: NonNegativeCount = 0
    """Of the samples."""
    no_controls: bool = False
    """Leave out what is printed beside: real examples in the model's place, k-means centres."""


def run(arguments: Sequence[str]) -> int:
    """Evaluate a run."""
    prog = "zerosum evaluate RUN"
    folder, words = run_and_words(arguments, prog)
    given = parse({"options": EvaluateOptions, "model": ModelOptions}, words, prog, "Evaluate the model of a run.")
    options = api.checked(EvaluateOptions, vars(given.options), prog)
    which = api.checked(ModelOptions, vars(given.model), prog)
    results = api.evaluate(
        folder,
        options.metrics,
        options.data,
        options.data_root,
        options.n,
        options.seed,
        **which.named(),
        controls=not options.no_controls,
        features=options.features,
        say=lambda text: print(f"{text} ...", file=sys.stderr),
    )
    for name in dict.fromkeys(result.metric for result in results):
        _print([result for result in results if result.metric == name])
    return 0


def _print(results: Sequence[Any]) -> None:
    model = results[0]
    print(f"{model.metric} on {model.data}{f', {model.kind}' if model.kind else ''}")
    for result in results:
        interval = "" if result.interval is None else f"  (95 %: {result.interval[0]:.4g} to {result.interval[1]:.4g})"
        facts = [f"{name} {value:.4g}" for name, value in result.facts.items()]
        facts += [f"n = {result.n}"] if result.n != model.n else []
        print(f"  {result.subject:26}{result.value:10.4g}{interval}{'  ' if facts else ''}{', '.join(facts)}")
    for row in api.published(model):
        print(f"  {row.model:26}{row.text:>10}  {row.source}")
