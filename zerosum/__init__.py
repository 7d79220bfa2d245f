"""Zerosum: adversarial learning in PyTorch.

    import zerosum as zs

    run = zs.train("vanilla", data="digits", rounds=2000, out="runs/digits")
    images = zs.load(run).sample(64, seed=0)

The names below come from :mod:`zerosum.api` when first used, so that importing the package imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zerosum._version import __version__ as __version__

__all__ = [
    "Model",
    "Result",
    "Run",
    "__version__",
    "apply",
    "bench",
    "evaluate",
    "load",
    "pack",
    "read_log",
    "replay",
    "report",
    "sample",
    "scan",
    "train",
]

if TYPE_CHECKING:
    from zerosum.api import (
        Model as Model,
        Result as Result,
        Run as Run,
        apply as apply,
        bench as bench,
        evaluate as evaluate,
        load as load,
        pack as pack,
        read_log as read_log,
        replay as replay,
        report as report,
        sample as sample,
        scan as scan,
        train as train,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from zerosum import api

        return getattr(api, name)
    raise AttributeError(f"module 'zerosum' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
