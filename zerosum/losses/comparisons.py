r"""Comparisons of two distributions by samples: losses whose best critic is the log ratio, and matched moments.

Each rule of :data:`COMPARISONS` is a loss of a critic's output :math:`a`, and least at :math:`a = \log P/Q`.
So any rule goes with any generator's loss that takes the log ratio: ``minimax``, ``nonsaturating``,
``maximum_likelihood``, ``reverse_kl``. The ratio :math:`r = e^a` is positive whatever the critic says.

``bernoulli``, ``brier``, ``exponential`` and ``spherical`` are proper scoring rules of the probability :math:`D =
\sigma(a)` of being real. ``kliep``, ``reverse_kl``, ``lsif`` and ``exponential`` again are bounds on an f-divergence,
:math:`E_Q\, f^*(T) - E_P\, T` at :math:`T = f'(r)`: but for a constant the Bregman divergence of f between P/Q and r,
so that a bound on a divergence is a match of the ratio. At the optimum the terms add up to minus the divergence. They
hold exponentials of the output, finite in float32 up to 88, those of ``lsif`` up to 44.

Rows of :data:`~zerosum.losses.divergences.DIVERGENCES` are here under these names: ``gan`` and ``jensen_shannon`` as
``bernoulli``, ``squared_hellinger`` as ``exponential``, ``kl`` as ``kliep``, ``pearson`` as ``lsif``. The hinge and
total variation are not: their best critic says which of P and Q is larger and not by how much, so it has no ratio.

References:
    | Learning in Implicit Generative Models (Mohamed and Lakshminarayanan, 2016), https://arxiv.org/abs/1610.03483
    | Density-Ratio Matching under the Bregman Divergence (Sugiyama, Suzuki and Kanamori, 2012),
      https://doi.org/10.1007/s10463-011-0343-8
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from zerosum.losses.adversarial import least_squares, nonsaturating
from zerosum.losses.divergences import DIVERGENCES

Comparison = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""``(real, fake) -> {"real": scalar, "fake": scalar}`` from the critic's output at real and at generated examples."""

_BOUNDS = {
    name: DIVERGENCES[name].pair().discriminator for name in ("squared_hellinger", "kl", "reverse_kl", "pearson")
}


def bernoulli(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Cross entropy, :math:`E_P\,\mathrm{sp}(-a) + E_Q\,\mathrm{sp}(a)`; 2 log 2 where P = Q."""
    return nonsaturating.discriminator(real, fake)


def brier(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Squared error of the probability, :math:`\tfrac12 E_P (1 - D)^2 + \tfrac12 E_Q\, D^2`; 1/4 where P = Q.

    Least squares on :math:`D = \sigma(a)`. The output of ``least_squares`` itself is that probability without a bound,
    which need not have a ratio.
    """
    return least_squares.discriminator(real.sigmoid(), fake.sigmoid())


def spherical(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Cosine of (D, 1 - D) with what is so, :math:`-E_P\,\sigma(2a)^{1/2} - E_Q\,\sigma(-2a)^{1/2}`.

    As :math:`D / \sqrt{D^2 + (1 - D)^2} = \sigma(2a)^{1/2}`; :math:`-\sqrt2` where P = Q.
    """
    return {"real": -_cosine(real).mean(), "fake": -_cosine(-fake).mean()}


def _cosine(a: Tensor) -> Tensor:
    return (-softplus(-2 * a) / 2).exp()


def exponential(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Boosting's rule, :math:`E_P\, e^{-a/2} + E_Q\, e^{a/2} - 2`; minus the bound on squared Hellinger's."""
    return _BOUNDS["squared_hellinger"](real / 2, fake / 2)


def kliep(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Bound on KL(P, Q), :math:`E_Q\, r - E_P (1 + \log r)`: KLIEP, its constraint :math:`E_Q\, r = 1` as a term."""
    return _BOUNDS["kl"](1 + real, 1 + fake)


def reverse_kl(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Bound on KL(Q, P), :math:`E_P\, 1/r + E_Q (\log r - 1)`; the generator's loss of that name is another."""
    return _BOUNDS["reverse_kl"](real, fake)


def lsif(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""Least squares on the ratio, :math:`E_Q\, r^2 - 2 E_P\, r + 1`, minus the bound on Pearson's divergence.

    Twice the :math:`\tfrac12 E_Q\, r^2 - E_P\, r` of its paper, and 1.
    """
    return _BOUNDS["pearson"](2 * torch.expm1(real), 2 * torch.expm1(fake))


COMPARISONS: dict[str, Comparison] = {
    rule.__name__: rule for rule in (bernoulli, brier, spherical, exponential, kliep, reverse_kl, lsif)
}
"""The rules by name, for recipes that offer a choice."""


def mmd(x: Tensor, y: Tensor, bandwidths: Sequence[float]) -> Tensor:
    r"""Squared maximum mean discrepancy of two distributions, unbiased, by a sum of Gaussian kernels.

    .. math::
        \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{nm} \sum_{i, j} k(x_i, y_j), \qquad k(x, y) = \sum_s e^{-\|x - y\|^2 / 2 s^2}

    Its mean is 0 where the distributions are equal and positive elsewhere; a single value may be negative.

    Arguments:
        x: Examples of one distribution, (n, ...), n > 1.
        y: Of the other, (m, ...), m > 1.
        bandwidths: Every s, in units of the distance between examples.

    Returns:
        Scalar.

    Raises:
        ValueError: A side has fewer than two examples, or a bandwidth is not positive or missing.

    References:
        | A Kernel Two-Sample Test (Gretton et al., 2012), lemma 6, https://jmlr.org/papers/v13/gretton12a.html

    Examples:
        >>> x = torch.tensor([[0.0], [0.0]])
        >>> mmd(x, x + 100, [1.0])
        tensor(2.)
    """
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError(
            f"mmd compares examples within each side, so it needs at least two of either, got {n} and {m}."
        )
    if not bandwidths or min(bandwidths) <= 0:
        raise ValueError(f"bandwidths of mmd must be positive, at least one, got {list(bandwidths)}.")
    x, y = x.flatten(1), y.flatten(1)
    within_x, within_y, across = (_kernel(*pair, bandwidths) for pair in ((x, x), (y, y), (x, y)))
    return (
        (within_x.sum() - within_x.diagonal().sum()) / (n * (n - 1))
        + (within_y.sum() - within_y.diagonal().sum()) / (m * (m - 1))
        - 2 * across.mean()
    )


def _kernel(x: Tensor, y: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """All values of the kernel, (n, m)."""
    lengths = x.square().sum(1).unsqueeze(1) + y.square().sum(1)
    squared = (lengths - 2 * x @ y.T).clamp(min=0)  # as a product, for speed; equal points are apart by its rounding
    return torch.stack([(-squared / (2 * s * s)).exp() for s in bandwidths]).sum(0)
