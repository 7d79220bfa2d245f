"""Deep convolutional networks without a hidden dense layer: every stage doubles, or halves, the side of the image.

References:
    | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford, Metz and
      Chintala, 2015)
    | https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

from torch import nn

from zerosum.networks.double_backward import Conv2d, LeakyReLU
from zerosum.networks.dropout import Dropout
from zerosum.networks.resolutions import resolutions


def dcgan_generator(latent: int, shape: tuple[int, ...], width: int = 64, kernel: int = 5) -> nn.Sequential:
    """A dense layer to the smallest planes, then deconvolutions of stride 2, all but the last with batch norm and
    rectifiers.

    Planes have ``width`` channels before the last deconvolution and twice as many before each one earlier; the paper's
    64x64 generator has a width of 128. Weights are N(0, 0.02), gains of the batch norm N(1, 0.02), biases 0.

    Arguments:
        latent: Dimension of z.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.resolutions`).
        width: Channels of the largest hidden planes.
        kernel: Side of the filters: 5 as in the paper, or 4.

    Returns:
        Maps (N, latent) to (N, C, S, S) in (-1, 1).

    Raises:
        ValueError: The shape is none of these, or the kernel is neither 4 nor 5.
    """
    channels, side = _channels(shape, width, kernel)[::-1], resolutions(shape)[0]
    layers: list[nn.Module] = [
        nn.Linear(latent, channels[0] * side * side, bias=False),
        nn.Unflatten(1, (channels[0], side, side)),
        nn.BatchNorm2d(channels[0]),
        nn.ReLU(),
    ]
    for inward, outward in itertools.pairwise(channels):
        layers += [_up(inward, outward, kernel), nn.BatchNorm2d(outward), nn.ReLU()]
    return _initialised(nn.Sequential(*layers, _up(channels[-1], shape[0], kernel, bias=True), nn.Tanh()))


def dcgan_discriminator(
    shape: tuple[int, ...], width: int = 64, kernel: int = 5, batch_norm: bool = True, dropout: float = 0.0
) -> nn.Sequential:
    """The mirror: convolutions of stride 2 with leaky rectifiers, batch norm in all but the first, and a logit.

    Real and generated examples go through it in two passes: in one, the statistics of the batch would tell which is
    which.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: Channels of the largest hidden planes.
        kernel: Side of the filters: 5 as in the paper, or 4.
        batch_norm: As in the paper; without it, examples do not see each other.
        dropout: Share of the activations left out in training, of every hidden layer; none in the paper.

    Returns:
        Maps (N, C, S, S) to logits (N, 1): ``features``, then ``head``.

    Raises:
        ValueError: The shape is none of these, or the kernel is neither 4 nor 5.
    """
    channels = _channels(shape, width, kernel)
    activation = [LeakyReLU(0.2), *([Dropout(dropout)] if dropout else [])]
    layers: list[nn.Module] = [_down(shape[0], channels[0], kernel, bias=True), *activation]
    for inward, outward in itertools.pairwise(channels):
        norm = [nn.BatchNorm2d(outward)] if batch_norm else []
        layers += [_down(inward, outward, kernel, bias=not batch_norm), *norm, *activation]
    head = nn.Linear(channels[-1] * resolutions(shape)[0] ** 2, 1)
    parts = OrderedDict(features=nn.Sequential(*layers, nn.Flatten()), head=head)
    return _initialised(nn.Sequential(parts))


def _channels(shape: tuple[int, ...], width: int, kernel: int) -> list[int]:
    """Of the hidden planes, from the largest to the smallest."""
    if kernel not in (4, 5):
        raise ValueError(f"kernel must be 4 or 5, got {kernel}.")
    return [width << stage for stage in range(len(resolutions(shape)) - 1)]


def _up(inward: int, outward: int, kernel: int, bias: bool = False) -> nn.ConvTranspose2d:
    # (s - 1) 2 - 2 padding + kernel + output padding = 2 s
    padding, rest = (kernel - 1) // 2, kernel % 2
    return nn.ConvTranspose2d(inward, outward, kernel, stride=2, padding=padding, output_padding=rest, bias=bias)


def _down(inward: int, outward: int, kernel: int, bias: bool = False) -> Conv2d:
    return Conv2d(inward, outward, kernel, stride=2, padding=(kernel - 1) // 2, bias=bias)


def _initialised(network: nn.Sequential) -> nn.Sequential:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
