"""The log for TensorBoard as well; an extra, ``pip install zerosum[tensorboard]``."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zerosum.errors import ConfigError
from zerosum.metrics import Result


def refuse_where_missing() -> None:
    """See that TensorBoard is installed, before anything is trained.

    Raises:
        ConfigError: It is not; the message says how it would be.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("--tensorboard needs the package tensorboard: pip install 'zerosum[tensorboard]'.")


class TensorBoard:
    """A run's terms, pictures and metrics over examples seen, in TensorBoard's own files.

    Arguments:
        folder: Where the files go.
        examples: Examples seen; what an earlier process wrote of later ones is purged.
    """

    def __init__(self, folder: Path, examples: int):
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=examples + 1 if examples else None)

    def terms(self, record: Mapping[str, Any]) -> None:
        """A line of the log."""
        for kind in ("terms", "signals"):
            for name, value in record.get(kind, {}).items():
                self._writer.add_scalar(name, value, record["examples"])
        self._writer.add_scalar("round", record["round"], record["examples"])

    def picture(self, path: Path, examples: int) -> None:
        """A picture of samples."""
        self._writer.add_image("samples", np.asarray(Image.open(path).convert("RGB")), examples, dataformats="HWC")

    def result(self, result: Result, examples: int) -> None:
        """The result of a metric."""
        self._writer.add_scalar(f"metrics/{result.metric}", result.value, examples)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
