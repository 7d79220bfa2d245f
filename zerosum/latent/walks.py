r"""Ways through a latent space: a chain of latents walked on lines or arcs, and the plane of a 2-D prior on a grid.

Independent draws of :math:`N(0, I_d)` lie near the shell :math:`\|z\|^2 = d`. The line between two of them leaves it,
down to :math:`E\|z(1/2)\|^2 = d/2`, where the generator was hardly trained; the arc stays on it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zerosum.errors import unknown
from zerosum.sources import Normal, TruncatedNormal, Uniform


def lerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    r"""A point on the line, :math:`(1 - t) a + t b`.

    Arguments:
        a: One end, (..., d).
        b: The other, (..., d).
        t: Share of the way; it broadcasts against the ends, so m points on the way between two (d,) need (m, 1).
    """
    return torch.lerp(a, b, torch.as_tensor(t, dtype=a.dtype, device=a.device))


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    r"""A point on the arc from one direction to the other, its norm on the line between the two norms.

    With the angle :math:`\theta` between the unit vectors :math:`\hat a` and :math:`\hat b` of the ends, the direction
    is :math:`(\sin((1 - t) \theta) \hat a + \sin(t \theta) \hat b) / \sin \theta`. Where an end is 0, or the two are
    within a thousandth of parallel or opposite, no arc is marked out and the way is the line.

    Deviation: the sources put the ends themselves in this formula. That is the same for ends of one norm; between
    others that are nearly opposite, as they often are in few dimensions, it goes far beyond both.

    Arguments:
        a: One end, (..., d).
        b: The other, (..., d).
        t: Share of the way, as for :func:`lerp`.

    References:
        | Animating Rotation with Quaternion Curves (Shoemake, 1985)
        | Sampling Generative Networks (White, 2016), https://arxiv.org/abs/1609.04468

    Examples:
        >>> slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), 0.5)
        tensor([1.4142, 1.4142])
        >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), 0.5).norm()
        tensor(2.0000)
    """
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / length_a, b / length_b
    # Not the arc cosine of the product, which loses half the digits where the ends are nearly parallel.
    angle = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    sine = torch.sin(angle)
    direction = (torch.sin((1 - t) * angle) * u + torch.sin(t * angle) * v) / sine
    arc = lerp(length_a, length_b, t) * direction
    return torch.where(sine > 1e-3, arc, lerp(a, b, t))  # the line, too, for the NaN of an end at 0


PATHS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"linear": lerp, "spherical": slerp}
"""Ways from one latent to the next, by name."""


def walk(keyframes: Tensor, steps: int, closed: bool = False, path: str = "linear") -> Tensor:
    """Latents along a chain A, B, C, ...

    Arguments:
        keyframes: The chain, (k, ..., d), k at least 2.
        steps: From each keyframe to the next.
        closed: Go on from the last to the first.
        path: One of :data:`PATHS`.

    Returns:
        ((k - 1) * steps + 1, ..., d), or (k * steps + 1, ..., d) closed; every ``steps``-th is a keyframe, bit for bit.

    Raises:
        ValueError: Fewer than 2 keyframes, no step, or a path nobody knows.

    Examples:
        >>> walk(torch.tensor([[0.0], [1.0], [4.0]]), steps=2).squeeze()
        tensor([0.0000, 0.5000, 1.0000, 2.5000, 4.0000])
    """
    if len(keyframes) < 2:
        raise ValueError(f"a walk has at least 2 keyframes, got {len(keyframes)}.")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    if path not in PATHS:
        raise ValueError(unknown("path", path, PATHS))
    chain = torch.cat([keyframes, keyframes[:1]]) if closed else keyframes
    t = torch.arange(steps, dtype=keyframes.dtype, device=keyframes.device) / steps
    points = PATHS[path](chain[:-1, None], chain[1:, None], t.view(-1, *[1] * (keyframes.ndim - 1)))
    points[:, 0] = chain[:-1]
    return torch.cat([points.flatten(0, 1), chain[-1:]])


def manifold(prior: Uniform | Normal | TruncatedNormal, side: int) -> Tensor:
    r"""The plane of a 2-D prior in cells of equal probability, a latent at the middle of each.

    The inverse distribution function of the prior is swept: cell (i, j) has
    :math:`z = (F^{-1}((j + 1/2) / n), F^{-1}((i + 1/2) / n))`. The first coordinate grows from column to column, the
    second from row to row, and none of them is infinite.

    Arguments:
        prior: Distribution of a latent in 2 dimensions.
        side: Rows, and columns, n.

    Returns:
        (side, side, 2).

    Raises:
        ValueError: The prior has another dimension than 2, or the side is below 1.

    References:
        | Auto-Encoding Variational Bayes (Kingma & Welling, 2014), appendix A
        | https://arxiv.org/abs/1312.6114

    Examples:
        >>> manifold(Uniform(0, 1, 2), 2).tolist()
        [[[0.25, 0.25], [0.75, 0.25]], [[0.25, 0.75], [0.75, 0.75]]]
    """
    if prior.dim != 2:
        raise ValueError(f"a manifold is of a latent in 2 dimensions, got {prior.dim}.")
    if side < 1:
        raise ValueError(f"side must be at least 1, got {side}.")
    q = prior.quantile((torch.arange(side) + 0.5) / side)
    second, first = torch.meshgrid(q, q, indexing="ij")
    return torch.stack([first, second], -1)


def smoothness(frames: Tensor) -> float:
    r"""Evenness of a sequence of frames, :math:`\max_i \|\Delta x_i\| / \operatorname{mean}_i \|\Delta x_i\|`.

    1 where all steps are of one length, as in a cross-fade of two images; n - 1 where all change is in one step.

    Arguments:
        frames: (n, ...), n at least 2. Frames that are all the same count as even.

    Raises:
        ValueError: Fewer than 2 frames.

    Examples:
        >>> smoothness(torch.tensor([[0.0], [1.0], [2.0], [6.0]]))
        2.0
    """
    if len(frames) < 2:
        raise ValueError(f"smoothness is of at least 2 frames, got {len(frames)}.")
    lengths = frames.diff(dim=0).flatten(1).norm(dim=1)
    return float(lengths.max() / lengths.mean()) if lengths.any() else 1.0
