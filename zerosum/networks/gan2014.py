"""The four published pairs of networks of Generative Adversarial Networks (2014), with their initial weights.

Generators of rectifiers and sigmoids, weights uniform on (-0.05, 0.05); discriminators of maxout with dropout, weights
uniform on (-0.005, 0.005). The sizes of a network's ends are those of the data; biases are 0 unless said otherwise.

References:
    | Generative Adversarial Networks (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    | Settings: the released configurations, https://github.com/goodfeli/adversarial
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from zerosum.networks.dropout import Dropout
from zerosum.networks.maxout import Maxout, MaxoutConv
from zerosum.networks.mlp import mlp

PRETRAINED_LATENT = 100
"""Dimension of the latent of the generator that the TFD generator is stacked on."""

CODE_BIAS = -2.0
"""First bias of the TFD generators' hidden sigmoids: most of them are off."""


def mnist_generator(latent: int, hidden: int, shape: tuple[int, ...], sigmoid: bool = True) -> nn.Sequential:
    """latent - hidden rectifiers - hidden rectifiers - sigmoids of the data's shape (or a linear output).

    Arguments:
        latent: Dimension of z.
        hidden: Width of the hidden layers.
        shape: Of an example.
        sigmoid: Whether outputs lie in [0, 1].

    Returns:
        Maps (N, latent) to (N, ...) of that shape.
    """
    final = nn.Sigmoid if sigmoid else None
    network = nn.Sequential(mlp((latent, hidden, hidden, math.prod(shape)), final=final), nn.Unflatten(1, shape))
    return uniform(network, 0.05)


def tfd_pretrained(hidden: int, shape: tuple[int, ...], latent: int = PRETRAINED_LATENT) -> nn.Sequential:
    """latent - hidden rectifiers - hidden sigmoids - sigmoids of the data's shape: the generator trained first.

    An output sees 100 of the hidden units, through standard normal weights, and none of the others to begin with.

    Arguments:
        hidden: Width of the hidden layers.
        shape: Of an example.
        latent: Dimension of z.

    Returns:
        Maps (N, latent) to (N, ...) of that shape.
    """
    code, out = nn.Linear(hidden, hidden), nn.Linear(hidden, math.prod(shape))
    network = nn.Sequential(
        nn.Linear(latent, hidden), nn.ReLU(), code, nn.Sigmoid(), out, nn.Sigmoid(), nn.Unflatten(1, shape)
    )
    uniform(network, 0.05)
    nn.init.constant_(code.bias, CODE_BIAS)
    unseen = torch.rand_like(out.weight).argsort(1) >= 100
    with torch.no_grad():
        out.weight.normal_().masked_fill_(unseen, 0)
    return network


def tfd_generator(latent: int, hidden: int, pretrained: nn.Sequential) -> nn.Sequential:
    """latent - hidden rectifiers - sigmoids that are the latent of a pretrained generator; all is trained together.

    Arguments:
        latent: Dimension of z.
        hidden: Width of the hidden layer.
        pretrained: What :func:`tfd_pretrained` made; its module is part of this one.

    Returns:
        Maps (N, latent) to what ``pretrained`` makes.
    """
    inward = pretrained[0]
    assert isinstance(inward, nn.Linear)
    code = nn.Linear(hidden, inward.in_features)
    head = uniform(nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), code, nn.Sigmoid()), 0.05)
    nn.init.constant_(code.bias, CODE_BIAS)
    return nn.Sequential(head, pretrained)


def cifar_mlp_generator(latent: int, hidden: int, shape: tuple[int, ...]) -> nn.Sequential:
    """latent - hidden rectifiers - hidden sigmoids - linear outputs, whose weights are uniform on (-0.5, 0.5).

    Arguments:
        latent: Dimension of z.
        hidden: Width of the hidden layers.
        shape: Of an example.

    Returns:
        Maps (N, latent) to (N, ...) of that shape.
    """
    out = nn.Linear(hidden, math.prod(shape))
    network = nn.Sequential(
        nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.Sigmoid(), out, nn.Unflatten(1, shape)
    )
    uniform(network, 0.05)
    uniform(out, 0.5)
    return network


def cifar_conv_generator(latent: int, channels: int = 80, colours: int = 3) -> nn.Sequential:
    """latent - 100 channels rectifiers - as many sigmoids, channels x 10 x 10 - deconvolution to colours x 32 x 32.

    The deconvolution has filters of 5x5 and stride 3, so its side is (10 - 1) 3 + 5 = 32, and a bias for every pixel.

    Arguments:
        latent: Dimension of z.
        channels: Of the planes before the deconvolution.
        colours: Channels of an image.

    Returns:
        Maps (N, latent) to (N, colours, 32, 32).
    """
    hidden = 100 * channels
    network = nn.Sequential(
        nn.Linear(latent, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.Sigmoid(),
        nn.Unflatten(1, (channels, 10, 10)),
        nn.ConvTranspose2d(channels, colours, 5, stride=3, bias=False),
        UntiedBias(colours, 32, 32),
    )
    return uniform(network, 0.05)


def mlp_discriminator(shape: tuple[int, ...], units: int, pieces: int = 5) -> nn.Sequential:
    """Two layers of maxout and a logit; a fifth of the inputs is dropped, and half of every hidden layer.

    Arguments:
        shape: Of an example.
        units: Of each layer.
        pieces: Linear maps a unit takes the largest of.

    Returns:
        Maps (N, ...) of that shape to logits (N, 1).
    """
    network = nn.Sequential(
        nn.Flatten(),
        Dropout(0.2),
        Maxout(math.prod(shape), units, pieces),
        Dropout(0.5),
        Maxout(units, units, pieces),
        Dropout(0.5),
        nn.Linear(units, 1),
    )
    return uniform(network, 0.005)


def cifar_conv_discriminator(units: int, colours: int = 3) -> nn.Sequential:
    """Three layers of convolutional maxout (planes of 16, 7 and 5), one dense, and a logit; the same dropout.

    Arguments:
        units: Of the dense layer.
        colours: Channels of an image.

    Returns:
        Maps (N, colours, 32, 32) to logits (N, 1).
    """
    network = nn.Sequential(
        Dropout(0.2),
        MaxoutConv(colours, 32, pieces=2, kernel=8, padding=4, pool=4, stride=2),
        Dropout(0.5),
        MaxoutConv(32, 32, pieces=2, kernel=8, padding=3, pool=4, stride=2),
        Dropout(0.5),
        MaxoutConv(32, 192, pieces=2, kernel=5, padding=3, pool=2, stride=2),
        nn.Flatten(),
        Dropout(0.5),
        Maxout(192 * 5 * 5, units, pieces=5),
        Dropout(0.5),
        nn.Linear(units, 1),
    )
    return uniform(network, 0.005)


class UntiedBias(nn.Module):
    """A bias of its own for every pixel."""

    def __init__(self, *shape: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class GlobalContrast(nn.Module):
    """Global contrast normalisation: each image less its mean, scaled to a length, as CIFAR-10 was played.

    A generated image has no brightness and no length of its own, so the way back is to the means over the training
    images, which :meth:`learn` takes.

    Arguments:
        scale: The length, Euclidean over all its numbers.
    """

    def __init__(self, scale: float = 55.0):
        super().__init__()
        self.scale = scale
        self.brightness: Tensor
        self.length: Tensor
        self.register_buffer("brightness", torch.tensor(0.5))
        self.register_buffer("length", torch.tensor(scale / 5))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean((1, 2, 3), keepdim=True)
        length = torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True)
        normalised: Tensor = self.scale * centred / length.clamp(min=1e-8)
        return normalised

    def back(self, x: Tensor) -> Tensor:
        """Images in [0, 1] from normalised ones, (N, C, H, W)."""
        return (self.brightness + self.length / self.scale * x).clamp(0, 1)

    def learn(self, images: Tensor) -> None:
        """Take the mean brightness and length of images, (N, C, H, W) in [0, 1]."""
        mean = images.mean((1, 2, 3), keepdim=True)
        self.brightness.copy_(mean.mean())
        self.length.copy_(torch.linalg.vector_norm(images - mean, dim=(1, 2, 3)).mean())


Network = TypeVar("Network", bound=nn.Module)


def uniform(network: Network, radius: float) -> Network:
    """Weights uniform on (-radius, radius), biases 0; returns the network."""
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.uniform_(parameter, -radius, radius)
        else:
            nn.init.zeros_(parameter)
    return network
