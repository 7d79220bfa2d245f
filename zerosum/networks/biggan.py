r"""BigGAN's networks: residual ones, in which a part of the latent reaches every block of the generator.

The latent is cut into equal chunks. The first makes the smallest planes; each other one, beside an embedding of the
label that all blocks share, is the vector of its block's two batch norms
(:class:`~zerosum.networks.ModulatedBatchNorm2d`). Weights are orthogonal to begin with.

References:
    | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock, Donahue and Simonyan, 2018)
    | https://arxiv.org/abs/1809.11096
"""

from __future__ import annotations

import functools
from typing import TypeVar

import torch
from torch import Tensor, nn

from zerosum.networks.conditional import ModulatedBatchNorm2d
from zerosum.networks.labels import chosen
from zerosum.networks.resnet import ResNetDiscriminator, UpBlock, doubling, initialised, to_image
from zerosum.networks.resolutions import resolutions, widths


class BigGANGenerator(nn.Module):
    """Latents to images, (N, latent) to (N, C, S, S) in (-1, 1).

    Arguments:
        latent: Dimension of z, a multiple of how many sides the planes have; 120 in the paper for 128x128.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.resolutions`).
        width: Channels of the planes up to 32x32; half as many each time the side doubles further. 256 in the authors'
            network for CIFAR-10; in the paper's 96 at the image and sixteen times as many at 4x4.
        classes: Labels there are; None to leave the chunks alone as vectors.
        embedded: Dimension of the label's embedding, the paper's 128.
        attention: Side of the planes that get a :class:`~zerosum.networks.SelfAttention`, 64 in the paper; None for
            none.

    Raises:
        ValueError: The shape is none of these, there are no planes of the side for attention, or the latent does not
            fall into equal chunks.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        width: int = 64,
        classes: int | None = None,
        embedded: int = 128,
        attention: int | None = None,
    ):
        super().__init__()
        sides, channels = resolutions(shape), widths(shape, width)
        if latent % len(sides):
            raise ValueError(
                f"the latent is cut into {len(sides)} equal chunks for {sides[-1]} pixels, so it must be a multiple, "
                f"got {latent}."
            )
        self.chunk = latent // len(sides)
        self.embedding = None if classes is None else nn.Embedding(classes, embedded)
        vector = self.chunk if classes is None else self.chunk + embedded
        self.first = nn.Sequential(
            initialised(nn.Linear(self.chunk, channels[0] * sides[0] ** 2)),
            nn.Unflatten(1, (channels[0], sides[0], sides[0])),
        )
        self.blocks = doubling(shape, channels, functools.partial(ModulatedBatchNorm2d, vector=vector), attention)
        self.last = to_image(channels[-1], shape[0])
        orthogonal_(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        first, *others = torch.split(z, self.chunk, 1)
        if self.embedding is not None:
            shared = self.embedding(chosen(label, self.embedding.num_embeddings))
            others = [torch.cat([shared, other], 1) for other in others]
        x, vectors = self.first(first), iter(others)
        for block in self.blocks:
            x = block(x, next(vectors)) if isinstance(block, UpBlock) else block(x)
        images: Tensor = self.last(x)
        return images


def biggan_discriminator(
    shape: tuple[int, ...], width: int = 64, classes: int | None = None, attention: int | None = None
) -> ResNetDiscriminator:
    """A :class:`~zerosum.networks.ResNetDiscriminator` whose weights are orthogonal to begin with.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: As of the generator.
        classes: Labels there are, or None.
        attention: Side of the planes that get it, or None.

    Raises:
        ValueError: The shape is none of these, or no block has planes of the side for attention.
    """
    return orthogonal_(ResNetDiscriminator(shape, width, classes, attention=attention))


Network = TypeVar("Network", bound=nn.Module)


def orthogonal_(network: Network) -> Network:
    """Draw the weights of linear, convolution and embedding layers as orthogonal matrices (out, rest), in place.

    Returns:
        The network.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            nn.init.orthogonal_(module.weight)
    return network
