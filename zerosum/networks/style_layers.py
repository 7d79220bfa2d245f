r"""Layers of StyleGAN2's networks: weights that all learn at one rate, convolutions with styles, and the deviation of a
batch.

*Equalised learning rates*: weights are stored as standard normal numbers and scaled by
:math:`g / \sqrt{\mathrm{fan\ in}}` where they are used, so that an Adam step changes every layer by the same share. The
gain g is that of the leaky rectifier after it, :math:`\sqrt 2`, or 1: positive factors go through a leaky rectifier, so
that they cost nothing on the weights.

*Styles*: a layer with the style s computes, for weights W and input channels j,
:math:`y_i = \sum_j W_{ij} * (s_j x_j) \,/ \sqrt{\textstyle\sum_{jk} (W_{ijk} s_j)^2 + 10^{-8}}`; scaling what comes in
and what goes out is the same as scaling the weights for each example, and mostly quicker.

References:
    | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), https://arxiv.org/abs/1912.04958
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from zerosum.networks.double_backward import Placing, convolve, rectify
from zerosum.networks.resample import Blur

SLOPE = 0.2

RECTIFIED = math.sqrt(2)
"""Gain of a layer whose outputs are rectified."""


class Dense(nn.Module):
    """A dense layer with an equalised learning rate, (N, inward) to (N, outward).

    Arguments:
        inward: Features that come in.
        outward: Features that go out.
        gain: Factor of what goes out.
        rate: How quickly weights and biases learn, of 1; they begin the same.
        bias: What biases begin at, before the gain.
    """

    def __init__(self, inward: int, outward: int, gain: float = 1.0, rate: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.scale, self.bias_scale = gain * rate / math.sqrt(inward), gain * rate
        self.weight = nn.Parameter(torch.randn(outward, inward) / rate)
        self.bias = nn.Parameter(torch.full((outward,), bias / rate))

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.bias_scale)


class Conv(nn.Module):
    """A convolution with an equalised learning rate that keeps the side, (N, inward, S, S) to (N, outward, S, S).

    Arguments:
        inward: Channels that come in.
        outward: Channels that go out.
        kernel: Side of the filters, odd.
        gain: Factor of what goes out.
        bias: Whether there is one, from 0.
        down: Halve the side: planes are blurred, and every other place is computed.
    """

    def __init__(
        self, inward: int, outward: int, kernel: int, gain: float = 1.0, bias: bool = True, down: bool = False
    ):
        super().__init__()
        self.scale, self.gain = gain / math.sqrt(inward * kernel**2), gain
        self.weight = nn.Parameter(torch.randn(outward, inward, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outward)) if bias else None
        # Blurred, the side is S + kernel - 2, in which filters with stride 2 have S / 2 places.
        self.blur = Blur(padding=1 + kernel // 2) if down else None
        self.stride, self.padding = (2, 0) if down else (1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.gain
        x = x if self.blur is None else self.blur(x)
        placing = Placing((self.stride,) * 2, (self.padding,) * 2)
        return convolve(x, self.weight * self.scale, bias, placing)


class StyledConv(nn.Module):
    """A convolution whose weights are scaled by a style of every example, (N, inward, S, S) to (N, outward, S, S).

    Arguments:
        latent: Dimension of w, which a dense layer makes a style of; it begins around 1.
        inward: Channels that come in.
        outward: Channels that go out.
        kernel: Side of the filters, odd.
        deviation: What outputs are scaled to, by the length of the weights: theirs where inputs are uncorrelated with
            variance 1. None leaves them as they are.
        up: Double the side: a transposed convolution of stride 2, then a blur.
    """

    def __init__(
        self, latent: int, inward: int, outward: int, kernel: int, deviation: float | None = None, up: bool = False
    ):
        super().__init__()
        self.style = Dense(latent, inward, bias=1.0)
        self.scale = 1 / math.sqrt(inward * kernel**2)
        self.weight = nn.Parameter(torch.randn(outward, inward, kernel, kernel))
        self.deviation = deviation
        self.blur = Blur(padding=1, gain=4.0) if up else None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style, weight = self.style(w), self.weight * self.scale
        x = x * style[:, :, None, None]
        if self.blur is None:
            y = convolve(x, weight, None, Placing(padding=(weight.shape[-1] // 2,) * 2))
        else:
            y = self.blur(convolve(x, weight.transpose(0, 1), None, Placing((2, 2), transposed=True)))
        if self.deviation is None:
            return y
        squares = linear(style.square(), weight.square().sum((2, 3)))
        return y * (self.deviation * torch.rsqrt(squares + 1e-8))[:, :, None, None]


class StyledLayer(nn.Module):
    """A styled 3x3 convolution, noise, a bias, and the leaky rectifier.

    Arguments:
        latent: Dimension of w.
        inward: Channels that come in.
        outward: Channels that go out.
        side: Of the planes that go out.
        up: Double the side.
    """

    def __init__(self, latent: int, inward: int, outward: int, side: int, up: bool = False):
        super().__init__()
        self.conv = StyledConv(latent, inward, outward, 3, RECTIFIED, up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outward, 1, 1))
        self.register_buffer("noise", torch.randn(side, side))
        self.noise: Tensor

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        y = self.conv(x, w)
        drawn = torch.randn_like(y[:, :1]) if self.training else self.noise
        return rectify(y + RECTIFIED * (drawn * self.strength + self.bias), SLOPE)


class Colours(nn.Module):
    """Planes to colours by a styled 1x1 convolution that is not demodulated.

    Arguments:
        latent: Dimension of w.
        inward: Channels that come in.
        channels: Of an image.
    """

    def __init__(self, latent: int, inward: int, channels: int):
        super().__init__()
        self.conv = StyledConv(latent, inward, channels, 1)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        colours: Tensor = self.conv(x, w) + self.bias
        return colours


class MinibatchDeviation(nn.Module):
    r"""One more channel, constant over a plane: how much the examples of a group differ.

    The standard deviation of every number over the group, :math:`\sqrt{\mathrm{var} + 10^{-8}}`, is averaged over all
    of an example's numbers. Groups are of the largest size that divides the batch and is not above the one given;
    example i is in group i modulo how many there are.

    Arguments:
        group: Examples of a group, at most.

    References:
        | Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2017), section 3
        | https://arxiv.org/abs/1710.10196
    """

    def __init__(self, group: int):
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        size = max(n for n in range(1, self.group + 1) if len(x) % n == 0)
        deviation = (x.reshape(size, -1, *x.shape[1:]).var(0, correction=0) + 1e-8).sqrt().flatten(1).mean(1)
        channel = deviation.repeat(size)[:, None, None, None]
        return torch.cat([x, channel.expand(-1, 1, *x.shape[2:])], 1)
