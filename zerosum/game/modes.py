"""How a round is run: eagerly, or traced into one graph by the compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from zerosum.game.networks import Batch
from zerosum.game.schedules import Played

Mode = Literal["eager", "compile"]
"""``eager``: operation by operation, with fused updates. ``compile``: the whole round as one graph, plain updates."""

Run = Callable[[Sequence[Sequence[Batch]]], Played]
"""Makes the updates of one round."""


def compiled(run: Run) -> Run:
    """The same round, traced and compiled on its first call.

    Raises:
        ValueError: This torch cannot trace the gradient calls inside a round.
    """
    import torch
    import torch._dynamo
    import torch._inductor.config

    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        raise ValueError(
            f"mode 'compile' needs a torch that traces autograd.grad, which {torch.__version__} does not; "
            "use --mode eager, or torch 2.13."
        )
    graph = torch.compile(run, fullgraph=True, dynamic=False)

    def traced(batches: Sequence[Sequence[Batch]]) -> Played:
        with (
            torch._dynamo.config.patch(trace_autograd_ops=True),
            torch._inductor.config.patch(fallback_random=True),  # dropout draws what it draws in eager mode
        ):
            return graph(batches)

    return traced
