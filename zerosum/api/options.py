"""Options of a training, and the check of every name, type and range, with a sentence for each mistake."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Optional

from pydantic import TypeAdapter, ValidationError

from zerosum.config import Count, NonNegativeCount
from zerosum.errors import ConfigError, unknown


@dataclass(frozen=True)
class Options:
    """Goal, place and machine of a training; the recipe's own settings are its Config."""

    # Optional, not `Path | None`: to see that None is one, tyro would import typeguard.
    data: str = "digits"
    """Data set by name (a toy may have parameters: 'ring[modes=25]'), or the path of idx files, arrays or images."""
    data_root: Optional[Path] = None  # noqa: UP045
    """Folder that known data sets lie in or are downloaded to; $ZEROSUM_DATA, or a cache in the home, by default."""
    out: Optional[Path] = None  # noqa: UP045
    """Run folder; runs/<recipe>-<data> by default. The same command again continues the run in it."""
    rounds: Count | None = None
    """Goal: rounds of the whole run [rounds]. The recipe's own where no goal is given."""
    epochs: Count | None = None
    """Goal: passes over the training examples, of the whole run [epochs]."""
    budget: Optional[str] = None  # noqa: UP045
    """Goal: training time of the whole run, such as 60s, 10m or 2h [seconds without a unit]."""
    seed: NonNegativeCount = 0
    """Seed of everything random: weights, order of the data, latents, dropout."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device to train on; auto takes CUDA, then MPS, then the CPU, and on continuing the one recorded."""
    threads: Count | None = None
    """CPU threads; the fastest in a short trial by default, and on continuing the number recorded [threads]."""
    mode: Literal["auto", "eager", "graph", "compile"] | None = None
    """Execution of a round: eager; graph (recorded, on CUDA, where it is the default); compile (takes a minute); or
    auto, which decides from a forecast. On continuing the one recorded."""
    precision: Literal["float32", "bfloat16"] | None = None
    """Precision of products and convolutions; float32 by default, and on continuing the one recorded."""
    micro_batches: Count | None = None
    """Parts a batch is played in, for less memory; 1 by default, and on continuing the number recorded [parts]."""
    activation_checkpointing: bool = False
    """Enable activation checkpointing: less memory, more time, the same numbers."""
    save_every: Count | None = None
    """Rounds between checkpoints [rounds]; about one a minute by default. One is always made at the end."""
    sample_every: Count = 1000
    """Rounds between pictures of a fixed latent set [rounds]."""
    log_every: Count = 100
    """Rounds between lines of the log [rounds]."""
    tensorboard: bool = False
    """Write the log for TensorBoard as well, into the run folder; needs pip install 'zerosum[tensorboard]'."""
    fresh: bool = False
    """Move what the run folder holds to <out>.old-<n> and start anew."""


def checked(kind: type, values: Mapping[str, Any], place: str) -> Any:
    """An instance of a dataclass from values by field name, their types and ranges checked.

    Arguments:
        kind: The dataclass.
        values: By field name; fields left out take their defaults.
        place: Origin of the values, for the message.

    Raises:
        ConfigError: A field is unknown (the message gives the nearest names), or values are out of range.
    """
    known = {f.name for f in dataclasses.fields(kind)}
    for name in values:
        if name not in known:
            near = known if kind is Options else known | {f.name for f in dataclasses.fields(Options)}
            raise ConfigError(f"{unknown('option', name, near)[:-1]} ({place}).")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        raise ConfigError(" ".join(_sentence(e, place) for e in error.errors())) from None


RESERVED = frozenset({"recipe", "config", "progress", "dry_run", "debug", "compile"})
"""Names that the functions and verbs of training, benches and checks take beside the options."""


def check_settings(recipe: str, config: type) -> None:
    """Check that no setting of a recipe has the name of an option: settings and options share one command line.

    Arguments:
        recipe: Its name or path, for the message.
        config: Its ``Config``.

    Raises:
        ConfigError: A field has such a name.
    """
    reserved = RESERVED | {f.name for f in dataclasses.fields(Options)}
    for field in dataclasses.fields(config):
        if field.name in reserved:
            raise ConfigError(
                f"a setting must not have the name of an option, got {field.name!r} (Config of {recipe}); "
                "rename the field."
            )


def settings_of(config: object, kind: type, recipe: str) -> dict[str, Any]:
    """The settings that an instance of a recipe's ``Config``, or a dict, gives.

    Arguments:
        config: The instance, or a mapping by field name.
        kind: The recipe's ``Config``.
        recipe: Its name or path, for the message.

    Raises:
        ConfigError: It is neither; an instance of another recipe's ``Config``, for example.
    """
    if isinstance(config, Mapping):
        return dict(config)
    # A user's own file is executed anew each time, so that its class is known by module and name.
    if (type(config).__module__, type(config).__qualname__) == (kind.__module__, kind.__qualname__):
        return {field.name: getattr(config, field.name) for field in dataclasses.fields(kind)}
    raise ConfigError(
        f"config must be an instance of the recipe's Config or a dict, got {type(config).__module__}."
        f"{type(config).__qualname__} (recipe {recipe})."
    )


def _sentence(error: Any, place: str) -> str:
    name = ".".join(map(str, error["loc"]))
    rule = re.sub(r"^Input should be", "must be", error["msg"])
    return f"{name} {rule}, got {error['input']!r} ({place})."


def seconds_of(text: str) -> float:
    """Seconds of a budget such as 90, 60s, 10m or 2h.

    Raises:
        ConfigError: It is no time above 0.

    Examples:
        >>> seconds_of("1.5m")
        90.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if match is None or not float(match[1]) > 0:
        raise ConfigError(f"budget must be a time above 0 such as 60s, 10m or 2h, got {text!r}.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
