"""Names to things: train a recipe on data, load what came of it, say what there is.

This is what Python users, the command line and everything above stand on. What a training does not need before its
first round is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zerosum.api.builds import build as build
from zerosum.api.options import Options as Options, checked as checked
from zerosum.api.plans import Plan as Plan, train as train
from zerosum.metrics import Result as Result
from zerosum.training import Run as Run
from zerosum.training.display import Silent as Silent, display as display, duration as duration

if TYPE_CHECKING:
    from zerosum.api.applying import Applied as Applied, apply as apply
    from zerosum.api.auto import Planned as Planned, planned as planned
    from zerosum.api.benches import Bench as Bench, bench as bench
    from zerosum.api.catalogue import (
        Description as Description,
        data_sets as data_sets,
        describe as describe,
        metrics as metrics,
    )
    from zerosum.api.contract import check as check
    from zerosum.api.evaluation import evaluate as evaluate, published as published
    from zerosum.api.explore import Walk as Walk, grid as grid, walk as walk
    from zerosum.api.models import Model as Model, load as load
    from zerosum.api.replays import replay as replay
    from zerosum.api.reports import read_log as read_log, report as report
    from zerosum.api.samples import sample as sample, target as target
    from zerosum.api.scans import Scan as Scan, pack as pack, scan as scan

_LATER = {
    "applying": ("Applied", "apply"),
    "auto": ("Planned", "planned"),
    "benches": ("Bench", "bench"),
    "catalogue": ("Description", "data_sets", "describe", "metrics"),
    "contract": ("check",),
    "evaluation": ("evaluate", "published"),
    "explore": ("Walk", "grid", "walk"),
    "models": ("Model", "load"),
    "replays": ("replay",),
    "reports": ("read_log", "report"),
    "samples": ("sample", "target"),
    "scans": ("Scan", "pack", "scan"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f"zerosum.api.{module}"), name)
    raise AttributeError(f"module 'zerosum.api' has no attribute {name!r}")
