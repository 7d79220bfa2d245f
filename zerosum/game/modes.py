"""How a round is run: eagerly, recorded, or traced by the compiler; and in which precision networks compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

Mode = Literal["eager", "graph", "compile"]
"""``eager``: operation by operation, with fused updates. ``graph``: the eager round recorded as a CUDA graph, the same
bits. ``compile``: traced, with plain updates; the whole round as one graph, or turn by turn where it is long."""

Precision = Literal["float32", "bfloat16"]
"""What the products and convolutions of networks are computed in; everything else is float32 always."""

WHOLE = 8
"""Updates up to which a round is traced as a whole: tracing time grows with their number, the gain does not."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The same function, traced and compiled on its first call.

    Arguments:
        function: Of tensors and of things that stay as they are.

    Raises:
        ValueError: This torch cannot trace the gradient calls inside a round.
    """
    import torch._dynamo
    import torch._inductor.config

    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        raise ValueError(
            f"mode 'compile' needs a torch that traces autograd.grad, which {torch.__version__} does not; "
            "use --mode eager, or torch 2.13."
        )
    graph = torch.compile(function, fullgraph=True, dynamic=False)

    def traced(*arguments: Any) -> Any:
        with (
            torch._dynamo.config.patch(trace_autograd_ops=True, recompile_limit=64),  # one for each turn
            torch._inductor.config.patch(fallback_random=True),  # dropout draws what it draws in eager mode
        ):
            return graph(*arguments)

    return traced  # type: ignore[return-value]


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """While entered, networks compute in a precision; parameters and what is not a product stay float32.

    Arguments:
        precision: Of products and convolutions.
        device: That networks are on.
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def as_float32(network: nn.Module, arguments: Any, output: Any) -> Any:
    """A forward hook: what leaves a network is float32, so that losses and penalties are.

    Arguments:
        network: That was called.
        arguments: With what.
        output: A tensor, or tensors in lists, tuples and dicts of any depth.
    """
    return tree_map(lambda x: x.float() if isinstance(x, Tensor) and x.dtype == torch.bfloat16 else x, output)
