"""Networks of a Laplacian pyramid: one pair for the smallest image, and one for each band of detail.

References:
    | Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks (Denton et al., 2015)
    | https://arxiv.org/abs/1506.05751
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from zerosum.networks.double_backward import Conv2d, LeakyReLU

KERNEL = 5


class BandGenerator(nn.Module):
    """Detail for a coarse image: three convolutions of the image and a plane of noise beside it.

    Arguments:
        channels: Of the image.
        width: Of the two hidden layers; 64 in the paper for CIFAR-10.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(channels + 1, width, bias=False),  # the norm takes every constant off again
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _convolution(width, width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _convolution(width, channels),
        )

    def forward(self, coarse: Tensor, noise: Tensor) -> Tensor:
        """The band (N, C, S, S) of a coarse image (N, C, S, S) and noise (N, S S)."""
        plane = noise.view(len(noise), 1, *coarse.shape[2:])
        band: Tensor = self.layers(torch.cat([coarse, plane], 1))
        return band


def band_discriminator(channels: int, side: int, width: int, dropout: float = 0.0) -> nn.Sequential:
    """Images with real detail or with generated: two convolutions, the first of stride 2, are ``features``; the
    ``head`` makes them a logit (N, 1).

    Arguments:
        channels: Of the image.
        side: Of the image, even.
        width: Of the hidden layers; 64 in the paper for CIFAR-10.
        dropout: Share of the hidden activations left out in training.

    Raises:
        ValueError: The side is odd.
    """
    if side % 2:
        raise ValueError(f"a band has an even side, got {side}.")
    features = nn.Sequential(
        Conv2d(channels, width, KERNEL, 2, KERNEL // 2),
        LeakyReLU(0.2),
        nn.Dropout(dropout),
        _convolution(width, width),
        LeakyReLU(0.2),
        nn.Dropout(dropout),
        nn.Flatten(),
    )
    return nn.Sequential(OrderedDict(features=features, head=nn.Linear(width * (side // 2) ** 2, 1)))


def _convolution(inward: int, outward: int, bias: bool = True) -> Conv2d:
    return Conv2d(inward, outward, KERNEL, padding=KERNEL // 2, bias=bias)
