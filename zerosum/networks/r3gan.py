r"""The networks of R3GAN: residual blocks of grouped convolutions, and nothing that normalises, attends or modulates.

A block is :math:`y = x + W_3\,\phi(W_2\,\phi(W_1 x + b_1) + b_2)`, with :math:`W_1` 1x1 from C to 2C channels,
:math:`W_2` 3x3 in groups, :math:`W_3` 1x1 back to C, and :math:`\phi` LeakyReLU with slope 0.2. Weights are
normal with deviation :math:`g / \sqrt{\mathrm{fan\ in}}`; in a block of a network of L blocks
:math:`g = \sqrt{2 / 1.04}\, L^{-1/4}`, and :math:`W_3` begins at 0; elsewhere g is 1. So every block begins as the
identity, a new generator is linear in z, and a new discriminator in x.

References:
    | The GAN is dead; long live the GAN! A Modern Baseline GAN (Huang et al., 2024)
    | https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

import itertools
import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from zerosum.networks.conditional import MatchingHead
from zerosum.networks.double_backward import Conv2d, LeakyReLU
from zerosum.networks.labels import chosen
from zerosum.networks.resample import Downsample, Upsample
from zerosum.networks.resolutions import resolutions, widths

SLOPE = 0.2


class R3GANGenerator(nn.Module):
    """Latents to images, (N, latent) to (N, C, S, S), not bounded by a tanh.

    The smallest planes are a learned basis, one image for each channel, weighted by a linear map of z. Then blocks, and
    twice the side, until the image. Labels go in as an embedding beside z, as long as it.

    Arguments:
        latent: Dimension of z; 64 in the paper.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.resolutions`).
        width: Channels of the planes up to 32x32; half as many each time the side doubles further. 768 in the paper's
            networks for CIFAR-10 and FFHQ.
        blocks: Of each side.
        group: Channels of a group of the 3x3 convolutions, at least. All are one group where there are fewer.
        classes: Labels there are, or None.

    Raises:
        ValueError: The shape is none of these.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        width: int = 64,
        blocks: int = 2,
        group: int = 16,
        classes: int | None = None,
    ):
        super().__init__()
        channels, side = widths(shape, width), resolutions(shape)[0]
        self.embedding = None if classes is None else _embedding(classes, latent)
        self.weights = _linear(latent if classes is None else 2 * latent, channels[0])
        self.basis = nn.Parameter(torch.randn(channels[0], side, side))
        layers = _blocks(channels[0], blocks, len(channels), group)
        for inward, outward in itertools.pairwise(channels):
            layers += [*_change(inward, outward), Upsample(), *_blocks(outward, blocks, len(channels), group)]
        self.body = nn.Sequential(*layers, _conv(channels[-1], shape[0], 1))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(chosen(label, self.embedding.num_embeddings))], 1)
        images: Tensor = self.body(self.weights(z)[:, :, None, None] * self.basis)
        return images


class R3GANDiscriminator(nn.Module):
    """Images to logits, (N, C, S, S) to (N, 1): the mirror, without a bias outside of the blocks.

    The smallest planes become one feature a channel, each by a filter of its own. With classes, the logit is the inner
    product of a linear map of the features with the label's embedding.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: As of the generator.
        blocks: Of each side.
        group: As of the generator.
        classes: Labels there are, or None.

    Attributes:
        features: Images to (N, width).
        head: Features to logits, of the label where there are classes.

    Raises:
        ValueError: The shape is none of these.
    """

    def __init__(
        self, shape: tuple[int, ...], width: int = 64, blocks: int = 2, group: int = 16, classes: int | None = None
    ):
        super().__init__()
        channels, side = widths(shape, width)[::-1], resolutions(shape)[0]
        layers: list[nn.Module] = [_conv(shape[0], channels[0], 1), *_blocks(channels[0], blocks, len(channels), group)]
        for inward, outward in itertools.pairwise(channels):
            layers += [Downsample(), *_change(inward, outward), *_blocks(outward, blocks, len(channels), group)]
        basis = _conv(width, width, side, groups=width)
        self.features = nn.Sequential(*layers, basis, nn.Flatten())
        embedding = None if classes is None else _embedding(classes, width, width**-0.5)
        self.head: nn.Module = MatchingHead(_linear(width, 1 if classes is None else width), embedding)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(x), label)
        return logits


class _Block(nn.Module):
    """x + f(x) with f = 0 to begin with."""

    def __init__(self, channels: int, gain: float, group: int):
        super().__init__()
        hidden = 2 * channels
        # The most groups of the same size, none smaller than asked.
        groups = hidden // next(n for n in range(min(group, hidden), hidden + 1) if hidden % n == 0)
        self.residual = nn.Sequential(
            _conv(channels, hidden, 1, gain, bias=True),
            LeakyReLU(SLOPE),
            _conv(hidden, hidden, 3, gain, groups, bias=True),
            LeakyReLU(SLOPE),
            _conv(hidden, channels, 1, gain=0),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.residual(x)
        return out


def _blocks(channels: int, blocks: int, stages: int, group: int) -> list[nn.Module]:
    gain = math.sqrt(2 / (1 + SLOPE**2)) * (blocks * stages) ** -0.25
    return [_Block(channels, gain, group) for _ in range(blocks)]


def _change(inward: int, outward: int) -> list[nn.Module]:
    return [] if inward == outward else [_conv(inward, outward, 1)]


def _linear(inward: int, outward: int) -> nn.Linear:
    return _initialised(nn.Linear(inward, outward, bias=False))


def _conv(inward: int, outward: int, kernel: int, gain: float = 1.0, groups: int = 1, bias: bool = False) -> Conv2d:
    """Keeps the side where the filters are of 1x1 or 3x3; reads the whole plane where they are as large."""
    padding = 1 if kernel == 3 else 0
    conv = Conv2d(inward, outward, kernel, padding=padding, groups=groups, bias=bias)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return _initialised(conv, gain)


def _embedding(classes: int, dimension: int, gain: float = 1.0) -> nn.Embedding:
    """A linear map of labels written as one of ``classes`` ones, its fan-in."""
    embedding = nn.Embedding(classes, dimension)
    nn.init.normal_(embedding.weight, std=gain / math.sqrt(classes))
    return embedding


Layer = TypeVar("Layer", nn.Linear, Conv2d)


def _initialised(layer: Layer, gain: float = 1.0) -> Layer:
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    return layer
