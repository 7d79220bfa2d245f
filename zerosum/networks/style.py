r"""The networks of StyleGAN2: a latent becomes styles, and each scales the channels of a convolution.

*Equalised learning rates*: weights are stored as standard normal numbers and scaled by
:math:`g / \sqrt{\mathrm{fan\ in}}` where they are used, so that an Adam step changes every layer by the same share. The
gain g is that of the leaky rectifier after it, :math:`\sqrt 2`, or 1: positive factors go through a leaky rectifier, so
that they cost nothing on the weights.

*Styles*: a layer with the style s computes, for weights W and input channels j,
:math:`y_i = \sum_j W_{ij} * (s_j x_j) \,/ \sqrt{\textstyle\sum_{jk} (W_{ijk} s_j)^2 + 10^{-8}}`; scaling what comes in
and what goes out is the same as scaling the weights for each example, and mostly quicker.

References:
    | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), https://arxiv.org/abs/1912.04958
    | Settings for small images: Training Generative Adversarial Networks with Limited Data (Karras et al., 2020),
      https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from zerosum.networks.labels import chosen
from zerosum.networks.planes import planes, widths
from zerosum.networks.resample import Blur, Downsample, Upsample
from zerosum.networks.running import RunningMean

SLOPE = 0.2

RECTIFIED = math.sqrt(2)
"""Gain of a layer whose outputs are rectified."""


class StyleGenerator(nn.Module):
    """Latents to images, (N, latent) to (N, C, S, S), not bounded by a tanh.

    A mapping makes w of z, and a synthesis makes an image of the w of each of its layers: a learned constant, then
    convolutions with styles and noise, whose planes give colours that are added up over the sides.

    In training two latents make an image with a probability: the first gives the styles up to a random layer, the
    second, drawn here, the others. Noise is drawn anew in training; in evaluation it is constant, drawn once and saved
    with the weights, so that an image is a function of z alone.

    Arguments:
        latent: Dimension of z and of w; 512 in the paper.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.planes`).
        width: Channels of the planes, as :func:`~zerosum.networks.widths` says; 512 in the paper, where those of 64x64
            have as many.
        depth: Layers of the mapping; 8 in the paper, 2 for CIFAR-10.
        mixing: Probability of two latents; 0 for CIFAR-10.
        classes: Labels there are, or None.

    Attributes:
        mapping: ``(z, label=None) -> w``, (N, latent).
        synthesis: Images of (N, layers, latent).
        mean: Of w, running over training passes.

    Raises:
        ValueError: The shape is none of these, or the probability is not in [0, 1].
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        width: int = 64,
        depth: int = 8,
        mixing: float = 0.9,
        classes: int | None = None,
    ):
        super().__init__()
        if not 0 <= mixing <= 1:
            raise ValueError(f"the probability of mixing two latents must lie in [0, 1], got {mixing}.")
        self.mixing = mixing
        self.mapping = StyleMapping(latent, depth, classes)
        self.synthesis = StyleSynthesis(latent, shape, width)
        self.mean = RunningMean(0.998, (latent,))

    def forward(self, z: Tensor, label: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images of latents.

        Arguments:
            z: (N, latent).
            label: (N,) int64 where there are classes.
            psi: Truncation: w comes nearer to its mean by this factor. Below 1 images are better and less varied.
        """
        w = self.styles(z, label)
        images: Tensor = self.synthesis(w if psi == 1 else torch.lerp(self.mean.mean, w, psi))
        return images

    def styles(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The w of every layer, (N, layers, latent): in training mixed, and the running mean moves."""
        w: Tensor = self.mapping(z, label)
        layers = self.synthesis.layers
        if not self.training:
            return w[:, None].expand(-1, layers, -1)
        self.mean(w)
        if not self.mixing:
            return w[:, None].expand(-1, layers, -1)
        n, device = len(z), z.device
        other = self.mapping(torch.randn_like(z), label)
        mixed = torch.rand(n, 1, 1, device=device) < self.mixing
        first = torch.randint(1, layers, (n, 1, 1), device=device)
        late = torch.arange(layers, device=device)[:, None] >= first
        return torch.where(mixed & late, other[:, None], w[:, None])


class StyleMapping(nn.Module):
    """Latents of length sqrt(latent), whatever theirs was, through dense layers that learn 100 times slower.

    A label's embedding is brought to the same length and goes in beside z.

    Arguments:
        latent: Dimension of z and of w.
        depth: Layers, all rectified.
        classes: Labels there are, or None.
    """

    def __init__(self, latent: int, depth: int, classes: int | None = None):
        super().__init__()
        self.embedding = None if classes is None else nn.Embedding(classes, latent)
        inward = latent if classes is None else 2 * latent
        sizes = [inward, *[latent] * depth]
        self.layers = nn.ModuleList(Dense(*pair, gain=RECTIFIED, rate=0.01) for pair in itertools.pairwise(sizes))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        w = _normalised(z)
        if self.embedding is not None:
            w = torch.cat([w, _normalised(self.embedding(chosen(label, self.embedding.num_embeddings)))], 1)
        for layer in self.layers:
            w = leaky_relu(layer(w), SLOPE)
        return w


class StyleSynthesis(nn.Module):
    """Images of the w of every layer, (N, layers, latent) to (N, C, S, S).

    Every side but the smallest has two convolutions, the first of which doubles the side. The colours of a side take
    the style of the layer after.

    Arguments:
        latent: Dimension of w.
        shape: Of an image.
        width: Channels of the smallest planes.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], width: int):
        super().__init__()
        sides, channels = planes(shape), widths(shape, width)
        self.layers = 2 * len(sides)
        self.constant = nn.Parameter(torch.randn(channels[0], sides[0], sides[0]))
        self.convs = nn.ModuleList([StyledLayer(latent, channels[0], channels[0], sides[0])])
        for (inward, outward), side in zip(itertools.pairwise(channels), sides[1:], strict=True):
            self.convs.append(StyledLayer(latent, inward, outward, side, up=True))
            self.convs.append(StyledLayer(latent, outward, outward, side))
        self.colours = nn.ModuleList(Colours(latent, inward, shape[0]) for inward in channels)
        self.upsample = Upsample()

    def forward(self, w: Tensor) -> Tensor:
        x = self.convs[0](self.constant.expand(len(w), -1, -1, -1), w[:, 0])
        images: Tensor = self.colours[0](x, w[:, 1])
        for stage, colours in enumerate(list(self.colours)[1:]):
            layer = 2 * stage + 1
            for conv in (layer, layer + 1):
                x = self.convs[conv](x, w[:, conv])
            images = self.upsample(images) + colours(x, w[:, layer + 2])
        return images


class StyleDiscriminator(nn.Module):
    """Images to logits, (N, C, S, S) to (N, 1), with residual blocks that halve the side.

    The last planes learn how much the examples of a group differ, so that examples see each other. With classes, the
    logit is the inner product with the label's embedding, scaled to unit variance.

    Deviation: a label's embedding is learned as it is, without a mapping of its own.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: As of the generator.
        group: Examples whose deviation is one number, at most (:class:`MinibatchDeviation`); 4 in the paper, 32 for
            CIFAR-10.
        residual: Whether blocks have a way around their convolutions, as in the paper; for CIFAR-10 they have none.
        classes: Labels there are, or None.

    Attributes:
        features: Images to (N, width).
        head: Features to logits, of the label where there are classes.

    Raises:
        ValueError: The shape is none of these.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 64,
        group: int = 4,
        residual: bool = True,
        classes: int | None = None,
    ):
        super().__init__()
        channels, side = widths(shape, width)[::-1], planes(shape)[0]
        layers: list[nn.Module] = [Conv(shape[0], channels[0], 1, gain=RECTIFIED), nn.LeakyReLU(SLOPE)]
        layers += [_Block(*pair, residual) for pair in itertools.pairwise(channels)]
        self.features = nn.Sequential(
            *layers,
            MinibatchDeviation(group),
            Conv(width + 1, width, 3, gain=RECTIFIED),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
            Dense(width * side * side, width, gain=RECTIFIED),
            nn.LeakyReLU(SLOPE),
        )
        self.head: nn.Module = _Head(width, classes)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(x), label)
        return logits


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
        return conv2d(x, self.weight * self.scale, bias, stride=self.stride, padding=self.padding)


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
            y = conv2d(x, weight, padding=weight.shape[-1] // 2)
        else:
            y = self.blur(conv_transpose2d(x, weight.transpose(0, 1), stride=2))
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
        return leaky_relu(y + RECTIFIED * (drawn * self.strength + self.bias), SLOPE)


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


class _Block(nn.Module):
    """Half the side by two convolutions, and around them by one of 1x1; the sum of both keeps the variance."""

    def __init__(self, inward: int, outward: int, residual: bool):
        super().__init__()
        self.convs = nn.Sequential(
            Conv(inward, inward, 3, gain=RECTIFIED),
            nn.LeakyReLU(SLOPE),
            Conv(inward, outward, 3, gain=1.0 if residual else RECTIFIED, down=True),
            nn.LeakyReLU(SLOPE),
        )
        around = Conv(inward, outward, 1, gain=math.sqrt(0.5), bias=False)
        self.around = nn.Sequential(Downsample(), around) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convs(x)
        return y if self.around is None else y + self.around(x)


class _Head(nn.Module):
    """Features (N, width) to a logit, with classes by projection on the label's embedding."""

    def __init__(self, width: int, classes: int | None):
        super().__init__()
        self.dense = Dense(width, 1 if classes is None else width)
        self.embedding = None if classes is None else nn.Embedding(classes, width)

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        out: Tensor = self.dense(features)
        if self.embedding is not None:
            embedded = self.embedding(chosen(label, self.embedding.num_embeddings))
            out = (out * embedded).sum(1, keepdim=True) / math.sqrt(features.shape[1])
        return out


def _normalised(z: Tensor) -> Tensor:
    """Rows with a mean square of 1."""
    return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
