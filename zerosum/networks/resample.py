"""Planes blurred, and brought to half and to twice their side, by the filter [1, 3, 3, 1] along either axis.

A constant and a ramp stay what they are, but at the border, around which are zeros; what alternates from pixel to pixel
is gone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zerosum.networks.double_backward import Placing, convolve


class Blur(nn.Module):
    """Every pixel a mean of 4x4 ones, weighted by [1, 3, 3, 1] / 8 along either axis, (N, C, S, S) to
    (N, C, S + 2 padding - 3, S + 2 padding - 3).

    Arguments:
        padding: Zeros around the image.
        gain: Factor.
    """

    def __init__(self, padding: int, gain: float = 1.0):
        super().__init__()
        self.padding = padding
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("filter", gain * torch.outer(row, row).expand(1, 1, 4, 4), persistent=False)
        self.filter: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self._laid(x, 1)

    def _laid(self, x: Tensor, stride: int, transposed: bool = False) -> Tensor:
        channels = x.shape[1]
        filters = self.filter.expand(channels, -1, -1, -1)
        placing = Placing((stride, stride), (self.padding, self.padding), transposed=transposed, groups=channels)
        wide = x.float() if x.dtype == torch.bfloat16 else x  # whose way back takes a CPU eight times as long
        with torch.autocast(x.device.type, enabled=False):
            return convolve(wide, filters, None, placing).to(x.dtype)


class Downsample(Blur):
    """Half the side, (N, C, 2S, 2S) to (N, C, S, S): every other pixel of the blurred planes.

    Examples:
        >>> Downsample()(torch.ones(1, 1, 4, 4))[0, 0]
        tensor([[0.7656, 0.7656],
                [0.7656, 0.7656]])
    """

    def __init__(self) -> None:
        super().__init__(padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self._laid(x, 2)


class Upsample(Blur):
    """Twice the side, (N, C, S, S) to (N, C, 2S, 2S): four times the transpose of :class:`Downsample`.

    It reads linearly between pixels whose sides are cut in two.
    """

    def __init__(self) -> None:
        super().__init__(padding=1, gain=4.0)

    def forward(self, x: Tensor) -> Tensor:
        return self._laid(x, 2, transposed=True)
