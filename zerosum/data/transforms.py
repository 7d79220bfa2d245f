"""Other ways to write down an image, each with its way back: symmetric range, logits, Laplacian pyramid.

Data are images in [0, 1]; a recipe that works on something else converts at its own border.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad


def to_symmetric(x: Tensor) -> Tensor:
    """From [0, 1] to [-1, 1], any shape.

    Examples:
        >>> to_symmetric(torch.tensor([0.0, 0.5, 1.0]))
        tensor([-1.,  0.,  1.])
    """
    return 2 * x - 1


def from_symmetric(x: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1], any shape; what lies outside stays outside, so clamp what a network made."""
    return (x + 1) / 2


def to_logits(x: Tensor, alpha: float = 0.05) -> Tensor:
    r"""From [0, 1] to the line, :math:`y = \mathrm{logit}(\alpha + (1 - 2 \alpha)\, x)`, any shape.

    Arguments:
        x: Values in [0, 1].
        alpha: How far from 0 and 1 the logit is kept, in (0, 0.5): 0 and 1 go to finite values.

    References:
        | Density estimation using Real NVP (Dinh, Sohl-Dickstein and Bengio, 2017), section 4.1
        | https://arxiv.org/abs/1605.08803

    Examples:
        >>> to_logits(torch.tensor([0.0, 0.5, 1.0]))
        tensor([-2.9444,  0.0000,  2.9444])
    """
    return torch.logit(_checked(alpha) + (1 - 2 * alpha) * x)


def from_logits(y: Tensor, alpha: float = 0.05) -> Tensor:
    """From the line back to [0, 1], any shape; logits farther out than :func:`to_logits` goes end a little outside."""
    return (torch.sigmoid(y) - _checked(alpha)) / (1 - 2 * alpha)


def laplacian_pyramid(x: Tensor, levels: int) -> list[Tensor]:
    r"""Bands of detail, and the small image that is left.

    .. math::
        I_0 = x, \qquad I_{k+1} = d(I_k), \qquad h_k = I_k - u(I_{k+1})

    d blurs by the binomial kernel (1, 4, 6, 4, 1) / 16 and keeps every second pixel, u is its way up by the same
    kernel; at the border both repeat the last pixel. What u makes of the smaller image is added again on the way
    back, so the inverse is exact whatever the kernel.

    Arguments:
        x: Images (N, C, H, W) of any size.
        levels: Bands.

    Returns:
        :math:`h_0, \dots, h_{\mathrm{levels} - 1}, I_\mathrm{levels}`, from fine to coarse; each is half the size of
        the one before, rounded up.

    Raises:
        ValueError: x has other axes, or there is not one level.

    References:
        | The Laplacian Pyramid as a Compact Image Code (Burt and Adelson, 1983)
        | https://doi.org/10.1109/TCOM.1983.1095851

    Examples:
        >>> [tuple(band.shape[2:]) for band in laplacian_pyramid(torch.rand(1, 3, 28, 28), levels=2)]
        [(28, 28), (14, 14), (7, 7)]
    """
    if x.ndim != 4:
        raise ValueError(f"a pyramid is made of images (N, C, H, W), got shape {tuple(x.shape)}.")
    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}.")
    bands = []
    for _ in range(levels):
        smaller = _down(x)
        bands.append(x - _up(smaller, x))
        x = smaller
    return [*bands, x]


def from_laplacian_pyramid(bands: Sequence[Tensor]) -> Tensor:
    """The images of a pyramid, :math:`I_k = u(I_{k+1}) + h_k`."""
    *details, x = bands
    for detail in reversed(details):
        x = _up(x, detail) + detail
    return x


def _checked(alpha: float) -> float:
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie between 0 and 0.5, got {alpha}.")
    return alpha


def _down(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    planes = pad(x.reshape(n * c, 1, h, w), (2, 2, 2, 2), mode="replicate")
    small = conv2d(planes, _kernel(x), stride=2)
    return small.reshape(n, c, *small.shape[2:])


def _up(x: Tensor, like: Tensor) -> Tensor:
    n, c, h, w = x.shape
    planes = pad(x.reshape(n * c, 1, h, w), (1, 1, 1, 1), mode="replicate")
    # Pixel i is now i + 1 and spreads over 2 (i + 1) to 2 (i + 1) + 4, so that its middle, 2 i, comes out at 2 i + 4.
    spread = conv_transpose2d(planes, 4 * _kernel(x), stride=2)[..., 4 : 4 + like.shape[2], 4 : 4 + like.shape[3]]
    return spread.reshape(like.shape)


def _kernel(x: Tensor) -> Tensor:
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=x.dtype, device=x.device) / 16
    return torch.outer(line, line).view(1, 1, 5, 5)
