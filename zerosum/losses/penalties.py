r"""Penalties on a critic's gradient, its outputs and its weights.

Scale: R1 and R2 are :math:`\tfrac12 E\|\nabla_x a\|^2`, so that the recipe's factor is the papers' :math:`\gamma` in
:math:`\tfrac\gamma2 E\|\nabla_x a\|^2`. The others have no half in their papers and none here: the recipe's factor is
the paper's :math:`\lambda`, half a :math:`\gamma`. The norm is over all of an example's axes, of the gradient of the
logit, never of a probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

Critic = Callable[[Tensor], Tensor]
"""Maps (N, ...) to (N,) or (N, 1), unbounded."""


def squared_gradient_norm(logits: Tensor, points: Tensor) -> Tensor:
    r"""Squared gradient norm of every example's logit, :math:`\|\nabla_x a(x_i)\|^2`, differentiable.

    Arguments:
        logits: The critic at the points, (N,) or (N, 1), example i depending on point i alone.
        points: What the logits were computed from, (N, ...), with ``requires_grad``; make it by
            ``x.detach().requires_grad_()``.

    Returns:
        (N,).

    Examples:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
        >>> squared_gradient_norm(x.sum(1), x).detach()
        tensor([2., 2.])
    """
    (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return gradient.square().flatten(1).sum(1)


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
    return squared_gradient_norm(critic(points), points).mean() / 2


def r2(critic: Critic, fake: Tensor) -> Tensor:
    r"""Zero-centred penalty at generated examples, :math:`\tfrac12 E_Q\|\nabla_x a(\hat x)\|^2` (ibid.).

    The generator gets no gradient from it. Arguments and scale are those of :func:`r1`.
    """
    return r1(critic, fake)


def gradient_penalty(critic: Critic, points: Tensor, one_sided: bool = False) -> Tensor:
    r"""One-centred penalty, :math:`E (\|\nabla_x a(x)\| - 1)^2`; the recipe multiplies by lambda (10), without a half.

    Arguments:
        critic: Maps (N, ...) to (N,) or (N, 1), unbounded, example i depending on point i alone: no batch norm.
        points: Where the gradient is taken, (N, ...); in the paper between real and generated examples, by
            :func:`interpolate`.
        one_sided: Penalise norms above 1 alone, :math:`E [\|\nabla_x a(x)\| - 1]_+^2`.

    Returns:
        Scalar. Where the gradient is 0 the norm's derivative is taken as 0.

    References:
        | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), eq. 3
        | https://arxiv.org/abs/1704.00028

    Examples:
        >>> gradient_penalty(lambda x: 3 * x.sum(1), torch.zeros(4, 1)).detach()
        tensor(4.)
    """
    points = points.detach().requires_grad_()
    squared = squared_gradient_norm(critic(points), points)
    steep = squared > 0
    excess = torch.where(steep, squared, 1).sqrt() * steep - 1
    return (relu(excess) if one_sided else excess).square().mean()


def interpolate(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    r"""Points between pairs, :math:`\epsilon x + (1 - \epsilon) \hat x`, one epsilon for each example.

    Arguments:
        real: (N, ...).
        fake: (N, ...).
        epsilon: (N,) or (N, 1), in [0, 1]; a recipe draws it as ``Uniform(0, 1, 1)``.

    Returns:
        (N, ...).

    Raises:
        ValueError: The numbers of examples differ.

    Examples:
        >>> interpolate(torch.ones(2, 3), torch.zeros(2, 3), torch.tensor([0.25, 1.0]))[:, 0]
        tensor([0.2500, 1.0000])
    """
    if not len(real) == len(fake) == epsilon.numel():
        raise ValueError(
            f"points between pairs need as many real as generated examples and epsilons, got {len(real)}, {len(fake)} "
            f"and {epsilon.numel()}."
        )
    return torch.lerp(fake, real, epsilon.view(-1, *[1] * (real.ndim - 1)).to(real.dtype))


def dragan(critic: Critic, real: Tensor, noise: Tensor) -> Tensor:
    r"""One-centred penalty near real examples, :math:`E (\|\nabla_x a(x + \tfrac12 s u)\| - 1)^2`.

    The recipe multiplies by lambda (10), without a half.

    Arguments:
        critic: As for :func:`gradient_penalty`.
        real: Real examples, (N, ...); s is the standard deviation of all their coordinates.
        noise: u, of the shape of ``real``. As released it is :math:`\epsilon_i u_{ij}` with both uniform on [0, 1); in
            the paper's formula it is normal.

    Returns:
        Scalar.

    References:
        | On Convergence and Stability of GANs (Kodali et al., 2017), section 2.4
        | https://arxiv.org/abs/1705.07215
    """
    return gradient_penalty(critic, real + real.std(correction=0) / 2 * noise)


def path_lengths(images: Tensor, w: Tensor, noise: Tensor) -> Tensor:
    r"""Path lengths of images over the styles, :math:`\|J_w^T y\|` with :math:`J_w = \partial G / \partial w`.

    The penalty is :math:`E (\|J_w^T y\| - a)^2` with a the lengths' running mean
    (:class:`zerosum.networks.RunningMean`), and the recipe multiplies by 2, without a half. It is least where J is a
    times an orthogonal map.

    Arguments:
        images: Made from ``w``, (N, C, H, W), image i of style i alone.
        w: Styles, (N, d), or (N, layers, d): the mean over layers is taken of squares. With a graph to what made it, or
            with ``requires_grad``.
        noise: Standard normal, of the shape of the images; y is it divided by :math:`\sqrt{H W}`.

    Returns:
        (N,), differentiable; where a length is 0 its derivative is taken as 0.

    References:
        | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), section 3.2
        | https://arxiv.org/abs/1912.04958

    Examples:
        >>> w = torch.ones(1, 3).requires_grad_()
        >>> path_lengths(5 * w.view(1, 3, 1, 1), w, torch.tensor([0.6, 0.8, 0.0]).view(1, 3, 1, 1)).detach()
        tensor([5.])
    """
    pixels = images.shape[-2] * images.shape[-1]
    (gradient,) = torch.autograd.grad((images * noise).sum() / math.sqrt(pixels), w, create_graph=True)
    squared = gradient.square().sum(-1).view(len(w), -1).mean(1)
    moves = squared > 0
    return torch.where(moves, squared, 1).sqrt() * moves


def consistency(logits: Tensor, augmented: Tensor) -> Tensor:
    r"""Consistency: the change of the critic's output under an augmentation T, :math:`E (a(x) - a(T x))^2`.

    The recipe multiplies by lambda (10), without a half.

    Arguments:
        logits: The critic at examples, real ones in the paper, (N,) or (N, 1).
        augmented: At the same examples after a transformation that keeps what they are, same shape.

    Returns:
        Scalar.

    References:
        | Consistency Regularization for Generative Adversarial Networks (Zhang et al., 2019), eq. 2
        | https://arxiv.org/abs/1910.12027
    """
    return (logits - augmented).square().mean()


def orthogonal(weights: Iterable[Tensor]) -> Tensor:
    r"""Distance of rows from orthogonality, of any lengths: :math:`\sum_W \|W W^T \odot (1 - I)\|_F^2`.

    The recipe multiplies by beta (1e-4), without a half.

    Arguments:
        weights: Each read as a matrix (out, rest), one row for each unit or filter; biases and gains (1-D) are left
            out.

    Returns:
        Scalar.

    Raises:
        ValueError: There is no weight of two axes or more.

    References:
        | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock et al., 2018), eq. 3
        | https://arxiv.org/abs/1809.11096

    Examples:
        >>> orthogonal([torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.5, 1.0]])])
        tensor(0.5000)
    """
    products = [w.flatten(1) @ w.flatten(1).T for w in weights if w.ndim > 1]
    if not products:
        raise ValueError("an orthogonal penalty needs at least one weight of two axes or more, got none.")
    return torch.stack([product.square().sum() - product.diagonal().square().sum() for product in products]).sum()


def pulling_away(codes: Tensor) -> Tensor:
    r"""Pulling-away term, :math:`\frac1{N(N-1)} \sum_i \sum_{j \ne i} \cos^2(s_i, s_j)`.

    For the generator of an energy-based GAN, so that its examples differ; the recipe multiplies by 0.1.

    Arguments:
        codes: (N, d) of at least two examples, what the discriminator's encoder makes of generated ones. A code of 0
            counts as orthogonal to all.

    Returns:
        Scalar in [0, 1]: 1 where all codes are parallel, 0 where they are orthogonal.

    Raises:
        ValueError: There are fewer than two codes.

    References:
        | Energy-based Generative Adversarial Network (Zhao et al., 2016), eq. 5
        | https://arxiv.org/abs/1609.03126

    Examples:
        >>> pulling_away(torch.eye(3)), pulling_away(torch.ones(3, 2))
        (tensor(0.), tensor(1.0000))
    """
    if len(codes) < 2:
        raise ValueError(f"codes pull away from each other, so at least two are needed, got {len(codes)}.")
    unit = normalize(codes, dim=1)
    cosines = (unit @ unit.T).square()
    count = len(codes)
    return (cosines.sum() - cosines.diagonal().sum()) / (count * (count - 1))
