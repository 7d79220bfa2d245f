r"""Self-attention of planes: every position gathers features of all others, weighted by how much it looks for them.

:math:`y = \gamma\, W_o \sum_j s_{ij}\, g(x_j) + x_i` with :math:`s_{ij} = \mathrm{softmax}_j\, \theta(x_i)^T
\phi(x_j)`, without a root of the dimension. Convolutions see as far as their filters; this sees the whole plane at
once, at the price of a weight for each pair of positions.

References:
    | Self-Attention Generative Adversarial Networks (Zhang et al., 2018)
    | https://arxiv.org/abs/1805.08318
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from zerosum.networks.double_backward import Conv2d


class SelfAttention(nn.Module):
    r"""Planes (N, C, H, W) to planes of the same shape; the identity to begin with, as :math:`\gamma = 0`.

    :math:`\theta` and :math:`\phi` have C/8 channels, g has C/2, at least 1; all four are convolutions of 1x1 without
    a bias.

    Arguments:
        channels: C.
        pool: Let positions look at the maxima of blocks of 2x2 of :math:`\phi` and g instead: a quarter of the weights,
            as in the code of BigGAN. The sides have to be even, or the last row and column are not looked at.
    """

    def __init__(self, channels: int, pool: bool = False):
        super().__init__()
        inner, values = max(channels // 8, 1), max(channels // 2, 1)
        self.query, self.key = _pointwise(channels, inner), _pointwise(channels, inner)
        self.value, self.out = _pointwise(channels, values), _pointwise(values, channels)
        self.gamma = nn.Parameter(torch.zeros(()))
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        gathered = self._seen(self.value(x)).flatten(2) @ self.weights(x).transpose(1, 2)
        out: Tensor = torch.addcmul(x, self.out(gathered.reshape(*gathered.shape[:2], *x.shape[2:])), self.gamma)
        return out

    def weights(self, x: Tensor) -> Tensor:
        """s, (N, H W, positions looked at): each row sums to 1."""
        query, key = self.query(x).flatten(2), self._seen(self.key(x)).flatten(2)
        weights: Tensor = (query.transpose(1, 2) @ key).softmax(2)
        return weights

    def _seen(self, x: Tensor) -> Tensor:
        return max_pool2d(x, 2) if self.pool else x


def _pointwise(inward: int, outward: int) -> Conv2d:
    conv = Conv2d(inward, outward, 1, bias=False)
    nn.init.xavier_uniform_(conv.weight)
    return conv
