"""Judging a trained model, with what its numbers should be read beside."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from zerosum.api.models import load
from zerosum.data import Data, DataSpec, open_data
from zerosum.errors import ConfigError, DataError, unknown
from zerosum.metrics import METRICS, Metric, Published, Result
from zerosum.training import Run, log as logs
from zerosum.training.folder import read_record


def evaluate(
    run: Run | Path | str,
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
    """Judge the model of a run, and keep what the judges say in its ``metrics.jsonl``.

    A result of the same protocol, round and seed that is there already is returned as it stands.

    Arguments:
        run: A run folder, or what training returned.
        metrics: Judges by name, with their parameters: ``parzen``, ``parzen[grid=2014]``, ``js[n=5000]``. Those of the
            recipe by default.
        data: What to judge against, by name or path; what the run was trained on by default.
        data_root: Folder that known data sets lie in.
        n: Samples, in place of each judge's own number.
        seed: Of the samples.
        raw: Judge the networks as last trained instead of their averages.
        round: Of the checkpoint; the newest by default.
        device: Where to compute.
        controls: Judge also what the metric should be read beside (real examples in the model's place, ...).
        trust: As for :func:`load`.
        truncation: As for :func:`load`.
        features: Of the judges that see images through a network, in place of their own: ``random-conv``.
        say: Told what is being done.

    Returns:
        A result per metric; after each, its controls, which name themselves as ``subject``.

    Raises:
        ConfigError: An unknown metric, parameter or network, one that cannot judge these data, or features where no
            judge sees through a network.
        DataError: The data are not there, or are not of the shape the model makes.
        RunError: The folder holds no model.
    """
    model = load(run, round, device, trust, truncation)
    path = run.path if isinstance(run, Run) else Path(run)
    record = read_record(path)
    assert record is not None
    names = [metrics] if isinstance(metrics, str) else list(metrics or [m.name for m in model.metrics])
    judges = [named(name, n, features) for name in names]
    if features is not None and not any(_takes(name, "features") for name in names):
        seeing = ", ".join(name for name in METRICS if _takes(name, "features"))
        raise ConfigError(
            f"--features is of judges that see images through a network ({seeing}), "
            f"got {', '.join(judge.name for judge in judges) or 'no judge'}; name one with --metrics."
        )
    source = data or record.get("source", model.spec.name)
    splits = _splits(source, data_root, torch.device(device))
    spec = splits("train").spec
    _refuse_unlike(model.spec, spec, source)
    for judge in judges:
        if reason := judge.incompatible(spec):
            raise ConfigError(f"{reason}; see zerosum list metrics.")
    own = splits("train").fingerprint == record["data"].get("fingerprint")
    if not own and data is None:
        raise DataError(
            f"{source} is no longer what {path} was trained on (its content differs); give --data to judge by it."
        )
    log = path / "metrics.jsonl"
    subject = "model" + ", raw" * raw + ("" if truncation is None else f", truncation={truncation:g}")
    results = []
    for judge in judges:
        found = logs.find_result(log, model.round, judge.name, seed, subject) if own else None
        if found is None:
            say(f"{judge.name}: {judge.n:,} samples")
            found = judge.of(model.sample(judge.n, seed, raw), splits, seed, subject)
            logs.keep_result(log, model.round, found, own)
        results.append(found)
        for control in judge.controls if controls else ():
            beside = logs.find_result(log, 0, judge.name, 0, control) if own else None
            if beside is None:
                say(f"{judge.name}: {control}")
                beside = judge.control(control, splits)
                logs.keep_result(log, 0, beside, own)
            results.append(beside)
    return results


def named(name: str, n: int | None = None, features: str | None = None) -> Metric:
    """A judge by name, with the parameters the name carries.

    Arguments:
        name: ``parzen`` or ``parzen[n=5000, grid=2014]``; a result's full name makes the judge that gave it.
        n: Samples, where the name does not say.
        features: The network images are seen through, where the judge takes one and the name does not say.

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
    for key, text in fixed:  # what is fixed for this judge is part of its full name
        if f"{key}={text}" not in _parted(metric.name)[1].split(", "):
            raise ConfigError(f"metric {base!r}: " + unknown("parameter", key, known))
    return metric


def published(result: Result) -> tuple[Published, ...]:
    """Rows of published tables that a result may be read beside."""
    return tuple(row for row in named(result.metric).published if row.data == result.data)


def _parted(name: str) -> tuple[str, str]:
    """A judge's name, and what stands in brackets after it."""
    parts = re.fullmatch(r"\s*([^\[\]\s]+)\s*(?:\[(.*)\])?\s*", name)
    if parts is None:
        raise ConfigError(f"a metric is a name or name[parameter=value, ...], got {name!r}.")
    return parts[1], parts[2] or ""


def _takes(name: str, parameter: str) -> bool:
    return parameter in inspect.signature(METRICS[_parted(name)[0]]).parameters


def _splits(source: str, root: Path | str | None, device: torch.device) -> Callable[[str], Data]:
    return functools.cache(lambda split: open_data(source, split, device=device, root=root))


def _refuse_unlike(made: DataSpec, judged: DataSpec, source: str) -> None:
    if made.shape != judged.shape:
        shapes = ["x".join(map(str, spec.shape)) for spec in (made, judged)]
        raise DataError(
            f"this model makes {shapes[0]}, data {source!r} are {shapes[1]}; judge it by data of its shape."
        )
