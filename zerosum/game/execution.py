"""Execution: the mode a round is run in (eager, CUDA graph, compiled) and the precision networks compute in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from zerosum.game.turn import Player, Schedule

Mode = Literal["eager", "graph", "compile"]
"""``eager``: operation by operation, with fused updates. ``graph``: the eager round recorded as a CUDA graph, the same
bits. ``compile``: traced, with plain updates; the whole round as one graph, or turn by turn where it is long."""

Precision = Literal["float32", "bfloat16"]
"""Precision of the products and convolutions of networks; everything else is float32 always."""

WHOLE = 8
"""Updates up to which a round is compiled as a whole: compile time grows with their number, the gain does not."""

F = TypeVar("F", bound=Callable[..., Any])

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Records work on tensors that stay where they are, and returns a function that does the work again."""


def cuda_capture(work: Callable[[], None]) -> Callable[[], None]:
    """Record the kernels of some work as a CUDA graph; the work itself is not done before the graph is called."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def check_mode(mode: Mode, players: Mapping[str, Player], recordable: bool, device: torch.device) -> None:
    """Check that a game can be run in a mode.

    Arguments:
        mode: The mode.
        players: Their update rules are checked.
        recordable: Whether its rounds can be recorded on the device.
        device: The game's device.

    Raises:
        ValueError: There is no such mode, an update rule is no function of tensor operations, or rounds cannot be
            recorded on the device.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, got {mode!r}.")
    verb = {"compile": "traces", "graph": "records"}.get(mode)
    for name, player in players.items():
        if verb and player.update.plain is None:
            raise ValueError(
                f"mode {mode!r} {verb} update rules of tensor operations, and player {name!r} moves by "
                f"{player.update.name} of from_torch; use --mode eager, or sgd, momentum, adam or rmsprop."
            )
    if mode == "graph" and not recordable:
        raise ValueError(f"mode 'graph' records CUDA kernels, and the device is {device}; use --mode eager.")


def compilable(method: F) -> F:
    """A method of a game that mode ``compile`` may compile: then the game's ``compiled`` holds it by name.

    Round 0 runs the method itself, because it checks the recipe, and so does another compiled method that calls it.
    """
    name = method.__name__

    @functools.wraps(method)
    def run(game: Any, *arguments: Any, **named: Any) -> Any:
        eager = torch.compiler.is_compiling() or game.check is not None
        chosen = method if eager else game.compiled.get(name, method)
        return chosen(game, *arguments, **named)

    return run  # type: ignore[return-value]


def compiled_methods(game: type, schedule: Schedule) -> dict[str, Callable[..., Any]]:
    """The compiled versions of a game's :func:`compilable` methods: the whole round, or each turn where it is long.

    Arguments:
        game: The class of the game.
        schedule: Its rounds are counted by their updates.

    Raises:
        ValueError: This torch cannot trace the gradient calls inside a round.
    """
    whole = sum(schedule.pattern(0)) <= WHOLE or schedule.prepare is not None
    names = ("play_turns",) if whole else ("move", "gradients", "descend")
    return {name: compiled(getattr(game, name).__wrapped__) for name in names}


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

    def traced(*arguments: Any, **named: Any) -> Any:
        with (
            torch._dynamo.config.patch(trace_autograd_ops=True, recompile_limit=64),  # one for each turn
            torch._inductor.config.patch(fallback_random=True),  # dropout draws what it draws in eager mode
        ):
            return graph(*arguments, **named)

    return traced  # type: ignore[return-value]


def check_precision(precision: Precision) -> None:
    """Check that networks can compute in a precision.

    Raises:
        ValueError: There is no such precision.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision must be one of {', '.join(get_args(Precision))}, got {precision!r}.")


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """While entered, networks compute in a precision; parameters, and all but products, stay float32.

    Arguments:
        precision: Of products and convolutions.
        device: The device of the networks.
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def as_float32(network: nn.Module, arguments: Any, output: Any) -> Any:
    """A forward hook: the output of a network is float32, so that losses and penalties are.

    Arguments:
        network: The network that was called.
        arguments: Its inputs.
        output: A tensor, or tensors in lists, tuples and dicts of any depth.
    """
    return tree_map(lambda x: x.float() if isinstance(x, Tensor) and x.dtype == torch.bfloat16 else x, output)
