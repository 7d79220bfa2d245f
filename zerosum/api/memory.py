"""Memory: the least that a training needs, checked before anything is made, and the error where it runs out."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.training import Experiment, RunFolder

LARGE = 2_000
"""Below it no size makes networks that fill a memory."""

COPIES = 4
"""Of every parameter that is moved: itself, its gradient and two moments."""


def check_memory(module: ModuleType, config: Any, spec: DataSpec, device: torch.device) -> None:
    """Check that the networks, their gradients, the moments of updates and one batch fit into the memory.

    The recipe is built without numbers (on torch's ``meta`` device), so that nothing is set aside.

    Arguments:
        module: The recipe.
        config: An instance of its ``Config``.
        spec: What the data are.
        device: Where it is to be trained.

    Raises:
        ConfigError: They do not; the message names the amount and the largest part.
    """
    total = memory_of(device)
    if total is None or not _is_large(config):  # torch takes a second to get ready for building without numbers
        return
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            experiment = module.build(config, spec)
    except RuntimeError as error:
        if "overflow" not in str(error):
            return
        raise ConfigError("this needs more memory than can be counted; take smaller numbers.") from None
    except Exception:  # a recipe that cannot be built so is built as it is, and says itself what is wrong
        return
    if not isinstance(experiment, Experiment):
        return
    sizes = {
        name: COPIES * sum(p.numel() * p.element_size() for p in network.parameters())
        for stage in experiment.stages
        for name, network in stage.game.networks.items()
    }
    sizes["a batch"] = 4 * 2 * config.batch_size * math.prod(spec.shape)
    needed = sum(sizes.values())
    if needed > total:
        most = max(sizes, key=lambda name: sizes[name])
        raise ConfigError(
            f"this needs {gibibytes(needed)} of memory at least, most of it for {most} ({gibibytes(sizes[most])}), and "
            f"{device} has {gibibytes(total)}; take smaller numbers."
        )


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory was not enough, on the CPU or on a device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("not enough memory" in str(error) or "can't allocate memory" in str(error))
    )


@contextmanager
def running_out(batch_size: int, spec: DataSpec, parts: int, folder: RunFolder | None = None) -> Iterator[None]:
    """A context in which memory that runs out becomes a sentence with remedies.

    Arguments:
        batch_size: Examples that are played at once.
        spec: Of the data.
        parts: Micro-batches they are played in.
        folder: Of the run, if there is one; the message names its last checkpoint.

    Raises:
        ConfigError: Memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        shape = "x".join(map(str, spec.shape))
        kept = None if folder is None else max(folder.checkpoints.rounds(), default=None)
        state = "nothing was begun" if kept is None else f"the checkpoint of round {kept} is whole"
        raise ConfigError(
            f"memory ran out at a batch of {batch_size} examples of {shape}; play it in parts with --micro-batches "
            f"{2 * parts}, or enable --activation-checkpointing, or halve --batch-size in a run of its "
            f"own; {state}."
        ) from error


def gibibytes(count: float) -> str:
    """Bytes in words."""
    return f"{count / (1 << 30):,.1f} GiB"


def _is_large(config: Any) -> bool:
    """Whether a setting is a whole number larger than any default."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    values = {name: getattr(config, name) for name in defaults}
    return any(isinstance(value, int) and value > LARGE and value != defaults[name] for name, value in values.items())


def memory_of(device: torch.device) -> int | None:
    """The memory of a device in bytes; None if unknown."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
