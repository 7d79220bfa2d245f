r"""f-divergences and the bound a critic makes on each.

For a convex f, :math:`D_f(P, Q) = E_Q\, f(P / Q) \ge E_P\, T - E_Q\, f^*(T)` with Fenchel's conjugate
:math:`f^*(t) = \sup_u (u t - f(u))`, and equality at :math:`T^* = f'(P / Q)`. The critic's output v is unbounded;
:math:`T = g_f(v)` brings it to where :math:`f^*` is finite. Second terms are computed from v in one piece, so that they
stay finite where g and :math:`f^*` one after the other would not. P comes first in every name.

References:
    | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016),
      tables 1, 2 and 6
    | https://arxiv.org/abs/1606.00709
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from zerosum.losses.adversarial import LOG_2, AdversarialLoss

Function = Callable[[Tensor], Tensor]
"""Elementwise."""


@dataclass(frozen=True)
class FDivergence:
    r"""A divergence with what its variational bound needs.

    Arguments:
        name: The field's name.
        f: :math:`f(u)`, convex, for u > 0.
        derivative: :math:`f'(u)`, the best T where P / Q = u.
        output: :math:`T = g_f(v)`, rising.
        conjugate: :math:`f^*(t)`, for t that ``output`` reaches.
        second: :math:`f^*(g_f(v))` in one piece.
        optimal: The best v as a formula.
    """

    name: str
    f: Function
    derivative: Function
    output: Function
    conjugate: Function
    second: Function
    optimal: str

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        r"""The bound :math:`E_P\, g_f(v) - E_Q\, f^*(g_f(v))` on the divergence, a scalar in nats.

        Arguments:
            real: The critic's v at real examples, any shape.
            fake: At generated ones.
        """
        return self.output(real).mean() - self.second(fake).mean()

    @property
    def threshold(self) -> float:
        """Of T: above it an example is more likely real than generated, :math:`f'(1)`."""
        return float(self.derivative(torch.ones((), dtype=torch.float64)))

    def pair(self, trick: bool = False) -> AdversarialLoss:
        r"""The losses of a GAN on this divergence: the critic raises the bound, the generator lowers it.

        Arguments:
            trick: The generator raises :math:`E_Q\, g_f(v)` instead, which does not vanish where the critic is sure
                (section 3.2).
        """

        def discriminator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
            return {"real": -self.output(real).mean(), "fake": self.second(fake).mean()}

        def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
            return -self.output(fake).mean() if trick else -self.second(fake).mean()

        value = -float(self.f(torch.ones((), dtype=torch.float64, device="cpu")))
        return AdversarialLoss(self.name, discriminator, generator, self.optimal, value)


DIVERGENCES = {
    divergence.name: divergence
    for divergence in (
        FDivergence(
            "kl",
            lambda u: u * u.log(),
            lambda u: u.log() + 1,
            lambda v: v,
            lambda t: (t - 1).exp(),
            lambda v: (v - 1).exp(),
            "1 + log P/Q",
        ),
        FDivergence(
            "reverse_kl",
            lambda u: -u.log(),
            lambda u: -1 / u,
            lambda v: -(-v).exp(),
            lambda t: -1 - (-t).log(),
            lambda v: v - 1,
            "log P/Q",
        ),
        FDivergence(
            "pearson",
            lambda u: (u - 1).square(),
            lambda u: 2 * (u - 1),
            lambda v: v,
            lambda t: t.square() / 4 + t,
            lambda v: v.square() / 4 + v,
            "2 (P/Q - 1)",
        ),
        FDivergence(
            "squared_hellinger",
            lambda u: (u.sqrt() - 1).square(),
            lambda u: 1 - u.rsqrt(),
            lambda v: -torch.expm1(-v),
            lambda t: t / (1 - t),
            torch.expm1,
            "log P/Q / 2",
        ),
        FDivergence(
            "jensen_shannon",
            lambda u: u * u.log() - (u + 1) * ((1 + u) / 2).log(),
            lambda u: LOG_2 + (u / (1 + u)).log(),
            lambda v: LOG_2 - softplus(-v),
            lambda t: -(2 - t.exp()).log(),
            lambda v: softplus(v) - LOG_2,
            "log P/Q",
        ),
        FDivergence(
            "gan",
            lambda u: u * u.log() - (u + 1) * (u + 1).log(),
            lambda u: (u / (1 + u)).log(),
            lambda v: -softplus(-v),
            lambda t: -(-torch.expm1(t)).log(),
            softplus,
            "log P/Q",
        ),
        FDivergence(
            "total_variation",
            lambda u: (u - 1).abs() / 2,
            lambda u: (u - 1).sign() / 2,
            lambda v: v.tanh() / 2,
            lambda t: t,
            lambda v: v.tanh() / 2,
            "sign(P - Q) times infinity",
        ),
    )
}
"""By name. ``jensen_shannon`` is twice the usual one, ``gan`` the value of the 2014 game, log 4 below it."""
