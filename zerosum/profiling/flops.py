"""Operation counts: operators, floating-point operations and waits for the device, free of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class OperationCounts:
    """The operations of some work.

    Attributes:
        operators: Calls of torch's operators as they reach the device's kernels, below autograd: forward, backward and
            updates, views included, since each is paid for before it does anything.
        flops: Floating-point operations of products and convolutions, two for a multiply and its add, forward,
            backward and double backward alike. What is done entry by entry counts as none.
        waits: Operators that made the host wait for the device, in their order; on a CPU, those that would.
    """

    operators: int
    flops: int
    waits: tuple[str, ...]


def count_operations(play: Callable[[], object]) -> OperationCounts:
    """The operations of some work, which is done once, eagerly; code compiled or captured before is not counted.

    Examples:
        >>> count_operations(lambda: torch.ones(2, 3) @ torch.ones(3, 4)).flops
        48
    """
    with _Counter() as counter:
        play()
    return OperationCounts(counter.operators, counter.flops, tuple(counter.waits))


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    # Torch's own FlopCounterMode follows modules by hooks, which fail where autograd.grad is called on a leaf inside.
    def __init__(self) -> None:
        from torch.utils.flop_counter import flop_registry

        super().__init__()  # type: ignore[no-untyped-call]
        self._formulas = flop_registry
        self.operators, self.flops = 0, 0
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.operators += 1
        if (formula := self._formulas.get(func.overloadpacket)) is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        if _waits(func, args, out):
            self.waits.append(func.overloadpacket.__name__)
        return out


WAITING = frozenset(
    {"_local_scalar_dense", "nonzero", "equal", "masked_select", "unique_dim", "_unique2", "unique_consecutive"}
)
"""Operators whose result, or its size, the host must know. ``item``, ``tolist``, ``float`` and ``if`` on a tensor
all end in the first."""


def _waits(func: Any, args: Any, out: Any) -> bool:
    name = func.overloadpacket.__name__
    if name in WAITING:
        return True
    if name in (
        "index",
        "index_put",
        "index_put_",
        "_index_put_impl_",
    ):  # a mask becomes places, whose number the host needs
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    if name in ("_to_copy", "copy_"):
        source = args[1] if name == "copy_" else args[0]
        return isinstance(out, Tensor) and out.device.type == "cpu" != source.device.type
    return False
