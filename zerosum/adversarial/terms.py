"""Single terms that two recipes or more share, unweighted: the weight is a factor in the recipe's objective."""

from __future__ import annotations

from torch import Tensor

from zerosum.losses import squared_gradient_norm


def zero_centered_penalty(logits: Tensor, x: Tensor) -> Tensor:
    r"""Zero-centred gradient penalty :math:`\tfrac12 E \|\nabla_x a(x)\|^2`: R1 at real examples, R2 at generated ones.

    That of :func:`zerosum.losses.r1`, from logits that the objective has already.

    Arguments:
        logits: Of the discriminator, (N,) or (N, 1), example i depending on x_i alone.
        x: What they were computed from, with ``requires_grad``, (N, ...).

    Returns:
        Scalar, unweighted; the papers multiply by gamma.

    References:
        | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), eq. 9
        | https://arxiv.org/abs/1801.04406

    Examples:
        >>> import torch
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
        >>> zero_centered_penalty(3 * x.sum(1), x).detach()
        tensor(9.)
    """
    return squared_gradient_norm(logits, x).mean() / 2
