"""The Python interface: train a recipe on data, load the run, describe recipes and data by their names.

The command line stands on it. Modules that a training does not need before its first round are imported when first
used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zerosum.api.machine import forecast as forecast
from zerosum.api.options import Options as Options, check_settings as check_settings, checked as checked
from zerosum.api.plans import Plan as Plan, build as build, resolve as resolve
from zerosum.api.training import run_plan as run_plan, train as train
from zerosum.metrics import Result as Result
from zerosum.training import Run as Run
from zerosum.training.display import Silent as Silent, display as display, duration as duration

if TYPE_CHECKING:
    from zerosum.api.applying import Applied as Applied, apply as apply
    from zerosum.api.auto import Planned as Planned, planned as planned
    from zerosum.api.benches import Bench as Bench, bench as bench
    from zerosum.api.catalogue import (
        Description as Description,
        Scan as Scan,
        data_sets as data_sets,
        describe as describe,
        metrics as metrics,
        pack as pack,
        scan as scan,
    )
    from zerosum.api.contract import check as check
    from zerosum.api.evaluation import evaluate as evaluate, published as published
    from zerosum.api.explore import Walk as Walk, grid as grid, walk as walk
    from zerosum.api.models import Model as Model, load as load
    from zerosum.api.reports import read_log as read_log, replay as replay, report as report
    from zerosum.api.samples import sample as sample, target as target

_LATER = {
    "applying": ("Applied", "apply"),
    "auto": ("Planned", "planned"),
    "benches": ("Bench", "bench"),
    "catalogue": ("Description", "Scan", "data_sets", "describe", "metrics", "pack", "scan"),
    "contract": ("check",),
    "evaluation": ("evaluate", "published"),
    "explore": ("Walk", "grid", "walk"),
    "models": ("Model", "load"),
    "reports": ("read_log", "replay", "report"),
    "samples": ("sample", "target"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f"zerosum.api.{module}"), name)
    raise AttributeError(f"module 'zerosum.api' has no attribute {name!r}")
