"""An update rule, and one guarded step by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.updates import kernels

Number = float | Callable[[Tensor], Tensor]
"""A constant, or a ramp: a function of the examples seen (0-d int64) that returns a 0-d tensor."""

State = dict[str, list[Tensor]]
"""The state of a rule: named lists, one tensor per parameter, or one for all of them."""

Plain = Callable[[Sequence[Tensor], State, Sequence[Tensor], Tensor], tuple[list[Tensor], State]]
Fused = Callable[[list[Tensor], State, list[Tensor], Tensor, Tensor], None]


@dataclass(frozen=True)
class Update:
    """An update rule.

    Arguments:
        name: How the rule is called in records.
        init: ``parameters -> state``.
        plain: ``(gradients, state, parameters, examples) -> (parameters, state)``, pure and differentiable. None where
            the rule is somebody else's code (:func:`from_torch`), which can be neither traced nor unrolled.
        fused: ``(gradients, state, parameters, examples, skip) -> None``, in place; does nothing where the 0-d float32
            ``skip`` is 1. None where torch has no kernel for the rule.
    """

    name: str
    init: Callable[[Sequence[Tensor]], State]
    plain: Plain | None
    fused: Fused | None = None


def can_fuse(update: Update, parameters: Sequence[Tensor]) -> bool:
    """Whether the fused execution may be used: the kernels walk memory linearly over one dtype and device."""
    if update.plain is None:
        return True
    first = parameters[0]
    return update.fused is not None and all(
        p.dtype == first.dtype and p.device == first.device and p.is_floating_point() and kernels.is_dense(p)
        for p in parameters
    )


def nonfinite(gradients: Sequence[Tensor]) -> Tensor:
    """Whether a step with these gradients must be skipped: 0-d float32 on the device, 1 where an entry is not finite.

    Entries so large that their sum overflows count as not finite on a CPU.

    Arguments:
        gradients: Of any shapes, on one device.
    """
    device = gradients[0].device
    with torch.no_grad():
        if device.type == "cpu":
            # A sum is finite only if every entry is, and minus itself is 0 only then. It reads once; the kernel below
            # also writes, in twice the time.
            wide = torch.promote_types(gradients[0].dtype, torch.float32)
            total = torch.stack([g.sum(dtype=wide) for g in gradients]).sum()
            return total.sub_(total).ne_(0).float()
        kernel = kernels.has("_amp_foreach_non_finite_check_and_unscale_") and not torch.compiler.is_compiling()
        if kernel and device.type == "cuda" and all(kernels.is_dense(g) for g in gradients):
            # One kernel for the whole list; scaling by 1 leaves every bit as it is.
            skip = torch.zeros((), dtype=torch.float32, device=device)
            torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), skip, torch.ones_like(skip))
            return skip
        return (~torch.stack([g.isfinite().all() for g in gradients]).all()).float()


def step(
    update: Update,
    gradients: Sequence[Tensor],
    state: State,
    parameters: Sequence[Tensor],
    examples: Tensor,
    fused: bool,
    skip: Tensor | None = None,
) -> Tensor:
    """One guarded step in place.

    Arguments:
        update: The rule.
        gradients: One per parameter, same shapes.
        state: What :attr:`Update.init` made; changed in place.
        parameters: Changed in place.
        examples: Images seen, 0-d int64.
        fused: Which execution; only where :func:`can_fuse`.
        skip: What :func:`nonfinite` said of the gradients, where it was asked before.

    Returns:
        0-d float32 on the device: 1 where a gradient was not finite and nothing was changed, else 0.
    """
    with torch.no_grad():
        skip = nonfinite(gradients) if skip is None else skip
        if fused:
            assert update.fused is not None
            update.fused(kernels.laid_out_like(parameters, gradients), state, list(parameters), examples, skip)
            # The kernel is invisible to autograd: without this a graph kept from before would silently mix old
            # activations with new weights in its backward pass instead of raising.
            torch.autograd.graph.increment_version(list(parameters))
            return skip
        assert update.plain is not None
        finite = skip == 0
        moved, ahead = update.plain(gradients, state, parameters, examples)
        for old, new in zip(parameters, moved, strict=True):
            old.copy_(torch.where(finite, new, old))
        for name, olds in state.items():
            for old, new in zip(olds, ahead[name], strict=True):
                old.copy_(torch.where(finite, new, old))
        return skip
