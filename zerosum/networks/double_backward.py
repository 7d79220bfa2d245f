r"""Layers that are quick to differentiate twice, as gradient penalties on a critic do.

**Convolution**, :math:`y = w * x`. Its gradients :math:`\bar x` and :math:`\bar w` are linear in :math:`\bar y` and in
the other of x and w. So what comes back to them, u and v of their shapes, goes on as

.. math::
    \bar y \leftarrow w * u + v * x, \qquad
    w \leftarrow \bar w(\bar y, u), \qquad
    x \leftarrow \bar x(\bar y, v),

the three kernels that every convolution has. Torch takes instead, for the second, a convolution by filters as large as
the planes, group by group.

**LeakyReLU**. Its slope is constant but where it bends, and nothing comes back to x. Torch makes and adds zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu


class Placing(NamedTuple):
    """The geometry of a convolution: the arguments of ``torch.convolution`` after x, weights and bias."""

    stride: Sequence[int] = (1, 1)
    padding: Sequence[int] = (0, 0)
    dilation: Sequence[int] = (1, 1)
    transposed: bool = False
    output_padding: Sequence[int] = (0, 0)
    groups: int = 1


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, placing: Placing) -> Tensor:
    """``torch.convolution``, quicker to differentiate twice, and the same to differentiate once.

    Arguments:
        x: (N, C, H, W).
        weight: (outward, C / groups, K, K), of a transposed one (C, outward / groups, K, K).
        bias: (outward,), or None.
        placing: Where filters are laid.

    Returns:
        (N, outward, H', W').
    """
    if left_to_torch() or x.is_meta:
        return plain(x, weight, bias, placing)
    if torch.is_autocast_enabled(x.device.type):  # which reaches no further than this into a function of our own
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    x = channels_last(x)
    if not torch.is_grad_enabled():
        return torch.convolution(x, weight, bias, *placing)
    out: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
        _step(x), _step(weight), None if bias is None else _step(bias), placing
    )
    return out


def plain(x: Tensor, weight: Tensor, bias: Tensor | None, placing: Placing) -> Tensor:
    """The same by torch's own, which autocast knows.

    Arguments:
        x: As of :func:`convolve`, and so are the others.
        weight: Filters.
        bias: Or None.
        placing: Where filters are laid.
    """
    stride, padding, dilation, transposed, rest, groups = placing
    if transposed:
        return conv_transpose2d(x, weight, bias, stride, padding, rest, groups, dilation)
    return conv2d(x, weight, bias, stride, padding, dilation, groups)


def channels_last(x: Tensor) -> Tensor:
    """The same planes, (N, C, H, W), with the channels of a place side by side in memory.

    Kernels for convolutions like them so, and what works place by place is several times slower where two layouts
    meet. Of
    one channel, or of planes of 1x1, torch takes either layout for both, and goes on with the wrong one.
    """
    if x.shape[1] == 1:
        return x.reshape(x.shape[0], *x.shape[2:], 1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)


class Conv2d(nn.Conv2d):
    """The same layer, by :func:`convolve`, where padding is with zeros and in numbers."""

    def forward(self, x: Tensor) -> Tensor:
        if self.padding_mode != "zeros" or isinstance(self.padding, str):
            return super().forward(x)
        placing = Placing(self.stride, self.padding, self.dilation, groups=self.groups)
        return convolve(x, self.weight, self.bias, placing)


def rectify(x: Tensor, slope: float) -> Tensor:
    """LeakyReLU, ``max(x, slope x)``, any shape; the slope above 0 and below 1.

    Arguments:
        x: Any shape.
        slope: Below 0.
    """
    if left_to_torch() or not torch.is_grad_enabled():
        return leaky_relu(x, slope)
    out: Tensor = _Rectified.apply(x, slope)  # type: ignore[no-untyped-call]
    return out


class LeakyReLU(nn.LeakyReLU):
    """The same layer, by :func:`rectify`."""

    def forward(self, x: Tensor) -> Tensor:
        return rectify(x, self.negative_slope)


def left_to_torch() -> bool:
    """Whether the compiler, vmap or the like is at work, which know torch's own operators alone."""
    return torch.compiler.is_compiling() or _transformed()


_transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
_will_run = getattr(torch._C, "_will_engine_execute_node", lambda node: True)


def _step(x: Tensor) -> Tensor:
    """The same, as the outcome of a step in the graph, of which can be asked whether the way back will take it."""
    return x[...] if x.is_leaf and x.requires_grad else x


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, placing: Placing) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.placing, ctx.bias = placing, None if bias is None else bias.shape
        ctx.set_materialize_grads(False)
        return torch.convolution(x, weight, bias, *placing)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        # A penalty asks for the gradient at x alone; that of the weights would not be used, and half of the work.
        wanted = [node is not None and _will_run(node) for node, _ in ctx.next_functions]
        wanted += [False] * (3 - len(wanted))  # without a bias
        if gradient is None or not any(wanted):
            return None, None, None, None
        return *_Gradients.apply(gradient, *ctx.saved_tensors, ctx.placing, ctx.bias, wanted), None  # type: ignore[no-untyped-call]


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gradient: Tensor,
        x: Tensor,
        weight: Tensor,
        placing: Placing,
        bias: torch.Size | None,
        wanted: list[bool],
    ) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(gradient, x, weight)
        ctx.placing = placing
        ctx.set_materialize_grads(False)
        return _gradients(gradient, x, weight, placing, bias, wanted)

    @staticmethod
    def backward(ctx: Any, *back: Tensor | None) -> tuple[Tensor | None, ...]:
        to_x, to_weight, to_bias = back
        gradient, x, weight = ctx.saved_tensors
        on_gradient, on_x, on_weight = ctx.needs_input_grad[:3]
        parts: list[Tensor] = []
        new_x = new_weight = None
        if to_x is not None:
            if on_gradient:
                parts.append(torch.convolution(to_x, weight, None, *ctx.placing))
            if on_weight:
                _, new_weight, _ = _gradients(gradient, to_x, weight, ctx.placing, None, [False, True, False])
        if to_weight is not None:
            if on_gradient:
                parts.append(torch.convolution(x, to_weight, None, *ctx.placing))
            if on_x:
                new_x, _, _ = _gradients(gradient, x, to_weight, ctx.placing, None, [True, False, False])
        if to_bias is not None and on_gradient:
            parts.append(to_bias[:, None, None].expand_as(gradient))
        return sum(parts[1:], parts[0]) if parts else None, new_x, new_weight, None, None, None


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = leaky_relu(x, slope)
        ctx.save_for_backward(y)
        ctx.slope = slope
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Tensor | None, None]:
        if gradient is None:
            return None, None
        (y,) = ctx.saved_tensors
        return _Sloped.apply(gradient, y.detach(), ctx.slope), None  # type: ignore[no-untyped-call]


class _Sloped(torch.autograd.Function):
    """Times 1 where y is above 0, and times the slope below."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(y)
        ctx.slope = slope
        out: Tensor = torch.ops.aten.leaky_relu_backward(x, y, slope, True)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        return _Sloped.apply(gradient, y, ctx.slope), None, None  # type: ignore[no-untyped-call]


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, placing: Placing, bias: torch.Size | None, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Of x, weights and bias; None for what is not wanted."""
    found: tuple[Tensor | None, Tensor | None, Tensor | None] = torch.ops.aten.convolution_backward(
        gradient, x, weight, bias, *placing, wanted
    )
    return found
