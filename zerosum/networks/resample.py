"""Images to twice and to half their side by the filter [1, 3, 3, 1] along either axis, with no aliasing to speak of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d


class Downsample(nn.Module):
    """Half the side, (N, C, 2S, 2S) to (N, C, S, S): every pixel a mean of 4x4 ones, weighted by [1, 3, 3, 1] / 8.

    Zeros lie around the image. A constant and a ramp stay what they are, but at the border, and what alternates from
    pixel to pixel is gone.

    Examples:
        >>> Downsample()(torch.ones(1, 1, 4, 4))[0, 0]
        tensor([[0.7656, 0.7656],
                [0.7656, 0.7656]])
    """

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("filter", torch.outer(row, row).expand(1, 1, 4, 4), persistent=False)
        self.filter: Tensor

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return conv2d(x, self.filter.expand(channels, -1, -1, -1), stride=2, padding=1, groups=channels)


class Upsample(Downsample):
    """Twice the side, (N, C, S, S) to (N, C, 2S, 2S): four times the transpose of :class:`Downsample`.

    It reads linearly between pixels whose sides are cut in two, with zeros around the image.
    """

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return conv_transpose2d(x, (4 * self.filter).expand(channels, -1, -1, -1), stride=2, padding=1, groups=channels)
