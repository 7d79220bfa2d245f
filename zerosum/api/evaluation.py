"""Evaluating a trained model, with the controls that its numbers should be read beside."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from zerosum.api.models import Model, load
from zerosum.data import Data, DataSpec, open_data
from zerosum.errors import ConfigError, DataError, unknown
from zerosum.metrics import METRICS, Metric, Published, Result
from zerosum.training import Evaluated, Run, log as logs
from zerosum.training.folder import read_record


def evaluate(
    run: Model | Run | Path | str,
    metrics: Sequence[str] | str | None = None,
    data: str | None = None,
    data_root: Path | str | None = None,
    n: int | None = None,
    seed: int = 0,
    raw: bool = False,
    round: int | None = None,
    device: str = "cpu",
    controls: bool = False,
    trust: bool = False,
    truncation: float | None = None,
    features: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Evaluate a model, and keep the results in the ``metrics.jsonl`` of its run.

    A result of the same protocol, round and seed that is there already is returned as it stands.

    Arguments:
        run: A run folder, what training returned, or a loaded model, which keeps its round, device and truncation.
            Results of a model that is of no run are not kept.
        metrics: By name, with their parameters: ``parzen``, ``parzen[grid=2014]``, ``js[n=5000]``. Those of the recipe
            by default.
        data: The data to compare with, by name or path; those the run was trained on by default.
        data_root: Folder that known data sets lie in.
        n: Samples, in place of each metric's own number.
        seed: Of the samples.
        raw: Evaluate the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        controls: Evaluate also what the metric should be read beside (real examples in the model's place, ...).
        trust: As for :func:`load`.
        truncation: As for :func:`load`.
        features: Of the metrics that see images through a network, in place of their own: ``random-conv``.
        say: Told what is being done.

    Returns:
        A result per metric; after each, its controls, which name themselves as ``subject``.

    Raises:
        ConfigError: An unknown metric, parameter or network, one incompatible with these data or this model, or
            features where no metric sees through a network.
        DataError: The data are not there, or are not of the shape the model makes.
        RunError: The folder holds no model.
    """
    model = load(run, round, device, trust, truncation)
    record = {} if model.path is None else read_record(model.path) or {}
    names = [metrics] if isinstance(metrics, str) else list(metrics or [m.name for m in model.metrics])
    chosen = [named(name, n, features) for name in names]
    if features is not None and not any(_takes(name, "features") for name in names):
        seeing = ", ".join(name for name in METRICS if _takes(name, "features"))
        raise ConfigError(
            f"--features is of metrics that see images through a network ({seeing}), "
            f"got {', '.join(metric.name for metric in chosen) or 'no metric'}; name one with --metrics."
        )
    source = data or record.get("source", model.spec.name)
    splits = _splits(source, data_root, model.experiment.game.device)
    spec = splits("train").spec
    _check_shapes(model.spec, spec, source)
    for metric in chosen:
        if reason := metric.incompatible(spec, model.outputs):
            raise ConfigError(f"{reason}; see zerosum list metrics.")
    trained_on = record.get("data", {}).get("fingerprint")
    own = splits("train").fingerprint == trained_on
    if not own and data is None and model.path is not None:
        raise DataError(
            f"{source} is no longer what {model.path} was trained on (its content differs); "
            "give --data to evaluate with it."
        )
    log = None if model.path is None else model.path / "metrics.jsonl"
    subject = "model" + ", raw" * raw + ("" if model.truncation is None else f", truncation={model.truncation:g}")
    shown = Evaluated(model.experiment, model.spec, raw)
    results = []
    for metric in chosen:
        found = logs.find_result(log, model.round, metric.name, seed, subject) if log and own else None
        if found is None:
            say(f"{metric.name}: {metric.n:,} {'pairs' if metric.paired else 'samples'}")
            found = metric(shown, splits, seed, subject)
            if log:
                logs.keep_result(log, model.round, found, own)
        results.append(found)
        for control in metric.controls if controls else ():
            beside = logs.find_result(log, 0, metric.name, 0, control) if log and own else None
            if beside is None:
                say(f"{metric.name}: {control}")
                beside = metric.control(control, splits)
                if log:
                    logs.keep_result(log, 0, beside, own)
            results.append(beside)
    return results


def named(name: str, n: int | None = None, features: str | None = None) -> Metric:
    """A metric by name, with the parameters the name carries.

    Arguments:
        name: ``parzen`` or ``parzen[n=5000, grid=2014]``; a result's full name makes the metric that gave it.
        n: Samples, where the name does not say.
        features: The network images are seen through, where the metric takes one and the name does not say.

    Raises:
        ConfigError: Nobody knows the name or a parameter, or a value is out of range.

    Examples:
        >>> named("parzen[grid=2014]").name
        'parzen[n=10000, grid=2014, split=test]'
    """
    base, given = _parted(name)
    if base not in METRICS:
        raise ConfigError(unknown("metric", base, METRICS))
    known = {p.name: p.default for p in inspect.signature(METRICS[base]).parameters.values()}
    asked: dict[str, Any] = {"n": n, "features": features}
    values = {key: value for key, value in asked.items() if value is not None and key in known}
    fixed = []
    for item in filter(None, (item.strip() for item in given.split(","))):
        key, _, text = (part.strip() for part in item.partition("="))
        if key not in known:
            fixed.append((key, text))
            continue
        try:
            values[key] = type(known[key])(text)
        except ValueError:
            kind = "a whole number" if isinstance(known[key], int) else "a number"
            raise ConfigError(f"metric {base!r}: {key} must be {kind}, got {text!r}.") from None
    if values.get("n", 1) < 1:
        raise ConfigError(f"metric {base!r}: n must be at least 1, got {values['n']}.")
    try:
        metric = METRICS[base](**values)
    except ValueError as error:
        raise ConfigError(f"metric {base!r}: {error}") from None
    for key, text in fixed:  # what is fixed for this metric is part of its full name
        if f"{key}={text}" not in _parted(metric.name)[1].split(", "):
            raise ConfigError(f"metric {base!r}: " + unknown("parameter", key, known))
    return metric


def published(result: Result) -> tuple[Published, ...]:
    """Rows of published tables that a result may be read beside."""
    return tuple(row for row in named(result.metric).published if row.data == result.data)


def _parted(name: str) -> tuple[str, str]:
    """A metric's name, and what stands in brackets after it."""
    parts = re.fullmatch(r"\s*([^\[\]\s]+)\s*(?:\[(.*)\])?\s*", name)
    if parts is None:
        raise ConfigError(f"a metric is a name or name[parameter=value, ...], got {name!r}.")
    return parts[1], parts[2] or ""


def _takes(name: str, parameter: str) -> bool:
    return parameter in inspect.signature(METRICS[_parted(name)[0]]).parameters


def _splits(source: str, root: Path | str | None, device: torch.device) -> Callable[[str], Data]:
    return functools.cache(lambda split: open_data(source, split, device=device, root=root))


def _check_shapes(made: DataSpec, given: DataSpec, source: str) -> None:
    if made.shape != given.shape:
        shapes = ["x".join(map(str, spec.shape)) for spec in (made, given)]
        raise DataError(
            f"this model makes {shapes[0]}, data {source!r} are {shapes[1]}; evaluate it with data of its shape."
        )
