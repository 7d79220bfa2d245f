r"""Residual networks of images: blocks of two 3x3 convolutions beside a shortcut, as SNGAN and WGAN-GP have them.

A block of the generator is :math:`\mathrm{conv}(\phi(\mathrm{norm}(\mathrm{conv}(\mathrm{up}(\phi(\mathrm{norm}(x)
))))))+ \mathrm{up}(W x)`, one of the discriminator :math:`\mathrm{pool}(\mathrm{conv}(\phi(\mathrm{conv}(\phi(x)
))) + W x)`, with :math:`\phi` the rectifier, up the doubling of pixels, pool the mean of 2x2, and W 1x1. W stands
where it costs least: a map of 1x1 commutes with both changes of the side.

Weights are uniform with Glorot's bound, times :math:`\sqrt 2` in the two convolutions of a block; biases are 0.
Deviation: no bias where a batch norm follows, which takes every constant of a channel off again.

References:
    | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), appendix B.4
    | https://arxiv.org/abs/1802.05957
    | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), appendix F
    | https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from zerosum.networks.attention import SelfAttention
from zerosum.networks.conditional import ConditionalBatchNorm2d, ProjectionHead
from zerosum.networks.double_backward import Conv2d
from zerosum.networks.labels import chosen
from zerosum.networks.resolutions import WIDEST, resolutions, widths

SMALLEST_JUDGED = 8
"""The discriminator halves planes that are larger."""


class ResNetGenerator(nn.Module):
    """Latents to images, (N, latent) to (N, C, S, S) in (-1, 1).

    A dense layer to the smallest planes, one block for each doubling, batch norm, a rectifier and a convolution. With
    classes, the gains and shifts of the batch norms in the blocks are the label's.

    Arguments:
        latent: Dimension of z; 128 in the papers.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.resolutions`).
        width: Channels of the planes up to 32x32; half as many each time the side doubles further. 256 in SNGAN's
            network for CIFAR-10, 128 in WGAN-GP's; their networks for 64x64 have 1024 at 4x4 and halve at each
            doubling down to 64.
        classes: Labels there are, or None.
        attention: Side of the planes that get a :class:`~zerosum.networks.SelfAttention`; None for none.

    Raises:
        ValueError: The shape is none of these, or there are no planes of the side for attention.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        width: int = 64,
        classes: int | None = None,
        attention: int | None = None,
    ):
        super().__init__()
        self.classes = classes
        norm: Norm = nn.BatchNorm2d
        if classes is not None:
            norm = functools.partial(ConditionalBatchNorm2d, classes=classes)
        channels, side = widths(shape, width), resolutions(shape)[0]
        self.first = nn.Sequential(
            initialised(nn.Linear(latent, channels[0] * side**2)), nn.Unflatten(1, (channels[0], side, side))
        )
        self.blocks = doubling(shape, channels, norm, attention)
        self.last = to_image(channels[-1], shape[0])

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.first(z)
        condition = None if self.classes is None else chosen(label, self.classes)
        for block in self.blocks:
            x = block(x, condition) if isinstance(block, UpBlock) else block(x)
        images: Tensor = self.last(x)
        return images


class ResNetDiscriminator(nn.Module):
    """Images to logits, (N, C, S, S) to (N, 1).

    As many blocks as the image has planes; each halves planes larger than 8x8, so 32 is 16, 8, 8, 8 as in the papers.
    Then a rectifier, the sum over positions and a :class:`~zerosum.networks.ProjectionHead`.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: As of the generator; 128 in both papers' networks for CIFAR-10.
        classes: Labels there are, or None.
        norm: Of the examples for themselves before each rectifier of a block but the first: none, or layer norm over
            channels and positions, which keeps the gradient of an example its own.
        attention: As of the generator.

    Attributes:
        features: Images to (N, width).
        head: Features to logits, of the label where there are classes.

    Raises:
        ValueError: The shape is none of these, or no block has planes of the side for attention.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 64,
        classes: int | None = None,
        norm: Literal["none", "layer"] = "none",
        attention: int | None = None,
    ):
        super().__init__()
        sides, inward = _judged(shape), shape[0]
        check_attention(attention, sides)
        layers: list[nn.Module] = []
        for number, (side, outward) in enumerate(zip(sides, widths(shape, width)[::-1], strict=True)):
            before = sides[number - 1] if number else shape[-1]
            layers.append(DownBlock(inward, outward, side < before, number > 0, norm))
            if number == sides.index(side) and side == attention:
                layers.append(SelfAttention(outward))
            inward = outward
        self.features = nn.Sequential(*layers, nn.ReLU(), _SumOverPositions())
        self.head: nn.Module = ProjectionHead(width, classes)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(x), label)
        return logits


def attended(shape: Sequence[int]) -> int:
    """The side at which both networks of such images may attend: half the image's where it can be, at most 32.

    Arguments:
        shape: Of an image, (C, S, S).

    Raises:
        ValueError: It is no square image of a side that is 4, 5, 6 or 7 doubled.

    Examples:
        >>> [attended((3, side, side)) for side in (8, 12, 28, 32, 256)]
        [8, 6, 14, 16, 32]
    """
    return max(set(resolutions(shape)) & {side for side in _judged(shape) if side <= WIDEST})


Norm = Callable[[int], nn.Module]
"""Of so many channels."""


class UpBlock(nn.Module):
    """A generator's block: (N, inward, S, S) to (N, outward, 2 S, 2 S).

    Arguments:
        inward: Channels that come.
        outward: Channels that go.
        norm: Makes the two norms. They take the condition beside the planes where the block is given one.
    """

    def __init__(self, inward: int, outward: int, norm: Norm):
        super().__init__()
        self.norm1, self.norm2 = norm(inward), norm(outward)
        self.conv1 = convolution(inward, outward, 3, 2**0.5, bias=False)
        self.conv2 = convolution(outward, outward, 3, 2**0.5, bias=False)
        self.shortcut = convolution(inward, outward, 1, bias=False)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        given = () if condition is None else (condition,)
        h = self.conv1(_doubled(relu(self.norm1(x, *given))))
        h = self.conv2(relu(self.norm2(h, *given)))
        out: Tensor = h + _doubled(self.shortcut(x))
        return out


class DownBlock(nn.Module):
    """A discriminator's block: (N, inward, S, S) to (N, outward, S / 2, S / 2), or of the same side.

    Arguments:
        inward: Channels that come.
        outward: Channels that go.
        down: Halve the side.
        rectified: Whether a rectifier comes first, as of every block but the one that reads the image.
        norm: Before each rectifier of a rectified block: none, or layer norm with a gain and a shift for each channel.
    """

    def __init__(self, inward: int, outward: int, down: bool, rectified: bool, norm: Literal["none", "layer"] = "none"):
        super().__init__()

        def before(channels: int) -> list[nn.Module]:
            return [nn.GroupNorm(1, channels)] if norm == "layer" and rectified else []

        first: list[nn.Module] = [*before(inward), nn.ReLU()] if rectified else []
        self.residual = nn.Sequential(
            *first,
            convolution(inward, outward, 3, 2**0.5),
            *before(outward),
            nn.ReLU(),
            convolution(outward, outward, 3, 2**0.5),
        )
        self.shortcut = convolution(inward, outward, 1) if down or inward != outward else nn.Identity()
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        h = self.residual(x)
        if self.down:
            h, x = avg_pool2d(h, 2), avg_pool2d(x, 2)
        out: Tensor = h + self.shortcut(x)
        return out


def doubling(shape: tuple[int, ...], channels: list[int], norm: Norm, attention: int | None) -> nn.ModuleList:
    """A generator's blocks, and its attention where planes of that side are first there.

    Arguments:
        shape: Of an image.
        channels: Of the planes, from the smallest.
        norm: Makes the norms.
        attention: Side of the planes that get it, or None.

    Raises:
        ValueError: There are no such planes.
    """
    sides = resolutions(shape)
    check_attention(attention, sides)
    blocks: list[nn.Module] = [SelfAttention(channels[0])] if attention == sides[0] else []
    for side, (inward, outward) in zip(sides[1:], itertools.pairwise(channels), strict=True):
        blocks.append(UpBlock(inward, outward, norm))
        if side == attention:
            blocks.append(SelfAttention(outward))
    return nn.ModuleList(blocks)


def to_image(channels: int, colours: int) -> nn.Sequential:
    """A generator's last layers."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), convolution(channels, colours, 3), nn.Tanh())


def _judged(shape: Sequence[int]) -> list[int]:
    """Sides of the planes that a discriminator's blocks make."""
    sides = resolutions(shape)[::-1]
    side = sides[0]
    return [side := side // 2 if side > SMALLEST_JUDGED else side for _ in sides]


def check_attention(attention: int | None, sides: list[int]) -> None:
    """Whether there are planes for it.

    Raises:
        ValueError: There are none of that side.
    """
    if attention is not None and attention not in sides:
        raise ValueError(f"attention must be at a side of the planes ({sorted(set(sides))}) or None, got {attention}.")


def convolution(inward: int, outward: int, kernel: int, gain: float = 1.0, bias: bool = True) -> Conv2d:
    """One that keeps the side.

    Arguments:
        inward: Channels that come.
        outward: Channels that go.
        kernel: Side of the filters, odd.
        gain: Of Glorot's bound.
        bias: Whether it has one.
    """
    return initialised(Conv2d(inward, outward, kernel, padding=kernel // 2, bias=bias), gain)


Layer = TypeVar("Layer", nn.Linear, Conv2d)


def initialised(layer: Layer, gain: float = 1.0) -> Layer:
    """Weights uniform with Glorot's bound times the gain, biases 0."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class _SumOverPositions(nn.Module):
    """(N, C, H, W) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="nearest")
