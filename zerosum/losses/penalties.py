r"""Penalties on a critic's slope.

Scale: each penalty here is :math:`\tfrac12 E\|\nabla_x a\|^2`, so that the recipe's factor is the papers'
:math:`\gamma` in :math:`\tfrac\gamma2 E\|\nabla_x a\|^2`. The norm is over all of an example's axes, and the slope
that of the logit, never of a probability.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
"""Maps (N, ...) to (N,) or (N, 1), unbounded."""


def squared_slope(logits: Tensor, points: Tensor) -> Tensor:
    r"""Squared slope of every example's logit, :math:`\|\nabla_x a(x_i)\|^2`, differentiable.

    Arguments:
        logits: The critic at the points, (N,) or (N, 1), example i depending on point i alone.
        points: What the logits were computed from, (N, ...), with ``requires_grad``; make it by
            ``x.detach().requires_grad_()``.

    Returns:
        (N,).

    Examples:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
        >>> squared_slope(x.sum(1), x).detach()
        tensor([2., 2.])
    """
    (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return slope.square().flatten(1).sum(1)


def r1(critic: Critic, real: Tensor) -> Tensor:
    r"""Zero-centred penalty at real examples, :math:`\tfrac12 E_P\|\nabla_x a(x)\|^2`; the recipe multiplies by gamma.

    Arguments:
        critic: Maps (N, ...) to (N,) or (N, 1), unbounded.
        real: Real examples, (N, ...).

    Returns:
        Scalar.

    Deviation: the authors' released trainer multiplies the squared norm by its parameter without the half, so its 10
    is gamma = 20 here.

    References:
        | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018)
        | https://arxiv.org/abs/1801.04406

    Examples:
        >>> r1(lambda x: 3 * x.sum(1), torch.zeros(4, 1)).detach()
        tensor(4.5000)
    """
    points = real.detach().requires_grad_()
    return squared_slope(critic(points), points).mean() / 2


def r2(critic: Critic, fake: Tensor) -> Tensor:
    r"""Zero-centred penalty at generated examples, :math:`\tfrac12 E_Q\|\nabla_x a(\hat x)\|^2` (ibid.).

    The generator gets no gradient from it. Arguments and scale are those of :func:`r1`.
    """
    return r1(critic, fake)
