"""Names to things: train a recipe on data, load what came of it, say what there is.

This is what Python users, the command line and everything above stand on.
"""

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
from zerosum.api.options import Options as Options, checked as checked
from zerosum.api.plans import Plan as Plan, build as build, train as train
from zerosum.api.replays import replay as replay
from zerosum.api.reports import read_log as read_log, report as report
from zerosum.api.samples import sample as sample, target as target
from zerosum.metrics import Result as Result
from zerosum.training import Run as Run, fields as fields
from zerosum.training.progress import Silent as Silent, display as display, duration as duration
