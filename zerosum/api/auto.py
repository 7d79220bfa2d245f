"""``auto`` in the place of a recipe: a training is chosen for the data and the machine, and it is an ordinary one.

The same command in the same folder continues it as it was chosen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zerosum import recipes
from zerosum.api.memory import memory_of
from zerosum.api.options import Options, checked, seconds_of
from zerosum.api.planner import choose
from zerosum.data import DataSpec, open_data, own_of
from zerosum.data.image_options import CHANNELS, Asked, asked_of, said
from zerosum.data.own import holds_images
from zerosum.data.preparing import refuse_bad
from zerosum.data.scan import Scan, scan
from zerosum.data.walk import Progress
from zerosum.errors import DataError
from zerosum.runtime import choose_device, multiplies_bfloat16
from zerosum.training.folder import RECORD, read_record
from zerosum.training.planning import Facts, Machine, usual_seconds


@dataclass(frozen=True)
class Planned:
    """A training that was chosen.

    Attributes:
        recipe: Its name.
        options: With the data and the goal as chosen.
        settings: Fields of its Config.
        reasons: Every decision with its cause; empty where a run is continued as it was chosen.
        found: The data, described in a line.
        continued: Whether the run folder holds a run that was chosen before.
    """

    recipe: str
    options: Options
    settings: Mapping[str, Any]
    reasons: tuple[tuple[str, str], ...]
    found: str
    continued: bool = False


def planned(options: Options, progress: Progress | None = None) -> Planned:
    """Choose a training.

    Arguments:
        options: As for any training; ``data`` above all, and ``budget``.
        progress: Called after every file that is looked at.

    Raises:
        ConfigError: An option is out of range.
        DataError: The data cannot be read; bad files are named.
    """
    options = checked(Options, dataclasses.asdict(options), recipes.AUTO)
    own = own_of(options.data)
    name = f"{own[0].resolve().name}" if own else options.data
    plain = "".join(c if c.isalnum() or c in ".=-" else "-" for c in name).strip("-")
    options = dataclasses.replace(options, out=options.out or Path("runs") / f"{recipes.AUTO}-{plain}")
    assert options.out is not None
    seconds = None if options.budget is None else seconds_of(options.budget)
    device = choose_device(options.device)
    bfloat16 = options.precision in (None, "bfloat16") and multiplies_bfloat16(device)
    memory = None if device.type == "cpu" else memory_of(device)
    machine = Machine(device.type, options.threads or torch.get_num_threads(), bfloat16, memory)
    goal = any(value is not None for value in (options.rounds, options.epochs, options.budget))
    record = None if options.fresh else _record(options.out)
    if record is not None and _same_source(options.data, record):
        if not goal:
            options = dataclasses.replace(options, budget=f"{usual_seconds(machine) / 60:g}m")
        options = dataclasses.replace(options, data=str(record["source"]))
        return Planned(record["recipe"], options, record["config"], (), f"{options.out} holds a run", True)
    facts, found = _facts(options, own, progress)
    choice = choose(facts, machine, seconds)
    if not goal:
        options = dataclasses.replace(options, budget=f"{usual_seconds(machine) / 60:g}m")
    if choice.precision != "float32":
        options = dataclasses.replace(options, precision=choice.precision)
    if choice.micro_batches > 1 and options.micro_batches is None:
        options = dataclasses.replace(options, micro_batches=choice.micro_batches)
    if own is not None and choice.data:
        prepared = dataclasses.replace(asked_of(own[1], own[0]), **choice.data)
        options = dataclasses.replace(options, data=f"{own[0]}[{said(prepared)}]")
    return Planned(choice.recipe, options, choice.settings, choice.reasons, found)


def _record(out: Path) -> dict[str, Any] | None:
    return read_record(out) if (out / RECORD).exists() else None


def _same_source(data: str, record: Mapping[str, Any]) -> bool:
    """Whether a run was trained on these data, however its images were prepared."""
    own, kept = own_of(data), own_of(str(record.get("source", "")))
    if own is None or kept is None:
        return data == record.get("source")
    return own[0].resolve() == kept[0].resolve() and (not own[1] or own[1] == kept[1])


def _facts(options: Options, own: tuple[Path, str] | None, progress: Progress | None) -> tuple[Facts, str]:
    """The facts about the data, and the data described in a line."""
    if own is not None and holds_images(own[0]):
        asked = asked_of(own[1], own[0])
        column = None if asked.label == "none" else asked.label
        found = scan(own[0], column, progress)
        if asked.bad == "stop":
            refuse_bad(own[0], found.bad)
        return _of_scan(found, asked)
    spec = open_data(options.data, "train", root=options.data_root).spec
    return _of_spec(spec)


def _of_scan(found: Scan, asked: Asked) -> tuple[Facts, str]:
    if found.sizes is None:
        raise DataError(f"{found.path} holds no image that can be read; give a folder, a zip or a tar of images.")
    width, height = found.sizes.median
    channels = 1 if all(c < 3 for c in found.channels) else 3
    counts = found.labels.counts if found.labels is not None else {}
    whole = found.labels is not None and not found.labels.without and asked.label != "none"
    given = frozenset(name for name, value in (("size", asked.size), ("colour", asked.colour != "auto")) if value)
    facts = Facts(
        "images",
        found.images,
        (width, height) if asked.size is None else (asked.size, asked.size),
        found.sizes.different if asked.size is None else 1,
        CHANNELS.get(asked.colour, channels),
        found.clear / max(found.images, 1),
        len(counts) if whole and len(counts) > 1 else None,
        min(counts.values(), default=0),
        given,
    )
    many = "" if found.sizes.different == 1 else f"{found.sizes.different:,} sizes around "
    kind = "grey" if channels == 1 else "colour"
    labels = f"{len(counts)} labels" if facts.classes else "no labels"
    if found.labels is not None and found.labels.undecided:
        labels = f"no labels, as {found.labels.source} has several columns ([label=...] chooses one)"
    return facts, f"{found.path}: {found.images:,} images of {many}{width}x{height}, {kind}, {labels}"


def _of_spec(spec: DataSpec) -> tuple[Facts, str]:
    shape = "x".join(map(str, spec.shape))
    count = "endless" if spec.count is None else f"{spec.count:,} training examples"
    found = f"{spec.name}: {count} of {shape}, {f'{spec.classes} labels' if spec.classes else 'no labels'}"
    if not spec.kind.spatial:
        return Facts("points", spec.count), found
    channels, height, width = spec.shape
    least = int(min(spec.shares, default=1 / (spec.classes or 1)) * (spec.count or 0))
    return Facts("images", spec.count, (width, height), 1, channels, 0.0, spec.classes, least, fixed=True), found
