r"""Relativistic losses: real examples are to score higher than generated ones, by how much is all that counts.

*Pairing* compares each generated example with one real, :math:`L_D = E f(a(x) - a(\hat x))`, and needs as many of
either; *averaging* compares each with the mean over the other side of the batch, :math:`L_D = \tfrac12 E_P f(a - E_Q
a) + \tfrac12 E_Q f(E_P a - a)`. f is :math:`\mathrm{sp}(-t)`, :math:`(1 - t)^2` or :math:`[1 - t]_+`. The generator's
loss is the discriminator's with the sides exchanged, so it needs the logits of real examples too.

The critic is defined up to a constant c, so give it no last bias: its gradient would be rounding noise, which Adam
turns into full steps. Below, :math:`T = \int (P - Q)^2 / (P + Q)`, 0 where P = Q and 2 where they are apart.

References:
    | The relativistic discriminator (Jolicoeur-Martineau, 2018), https://arxiv.org/abs/1807.00734
    | Pairing by name: Towards a Better Global Loss Landscape of GANs (Sun, Fang and Schwing, 2020),
      https://arxiv.org/abs/2011.04926
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

from zerosum.losses.adversarial import LOG_2, AdversarialLoss


def _logistic(t: Tensor) -> Tensor:
    return softplus(-t)


def _square(t: Tensor) -> Tensor:
    return (1 - t).square()


def _hinge(t: Tensor) -> Tensor:
    return relu(1 - t)


def _pairing(name: str, f: Callable[[Tensor], Tensor], optimal: str, value: float) -> AdversarialLoss:
    def discriminator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"pairing": f(real - fake).mean()}

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        return f(fake - _given(real)).mean()

    return AdversarialLoss(name, discriminator, generator, optimal, value, relativistic=True)


def _average(name: str, f: Callable[[Tensor], Tensor], optimal: str, value: float) -> AdversarialLoss:
    def discriminator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"real": f(real - fake.mean()).mean() / 2, "fake": f(real.mean() - fake).mean() / 2}

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        real = _given(real)
        return (f(fake - real.mean()).mean() + f(fake.mean() - real).mean()) / 2

    return AdversarialLoss(name, discriminator, generator, optimal, value, relativistic=True)


def _given(real: Tensor | None) -> Tensor:
    if real is None:
        raise ValueError(
            "the relativistic generator is scored against real examples, got none; "
            'pass the logits of batch["x"] as real.'
        )
    return real


relativistic_pairing = _pairing("relativistic_pairing", _logistic, "log P/Q + c", LOG_2)
r"""RpGAN: :math:`L_D = E\,\mathrm{sp}(a(\hat x) - a(x))`, :math:`L_G = E\,\mathrm{sp}(a(x) - a(\hat x))`."""

relativistic_pairing_least_squares = _pairing(
    "relativistic_pairing_least_squares", _square, "2 / (2 + T) (P - Q) / (P + Q) + c", 1
)
r"""RpLSGAN: :math:`L_D = E (a(x) - a(\hat x) - 1)^2`; at the optimum :math:`(2 - T) / (2 + T)`."""

relativistic_pairing_hinge = _pairing("relativistic_pairing_hinge", _hinge, "no closed form", 1)
r"""RpHingeGAN: :math:`L_D = E [1 - a(x) + a(\hat x)]_+`."""

relativistic_average = _average("relativistic_average", _logistic, "no closed form", LOG_2)
r"""RaGAN: :math:`L_D = \tfrac12 E_P\,\mathrm{sp}(E_Q a - a) + \tfrac12 E_Q\,\mathrm{sp}(a - E_P a)`."""

relativistic_average_least_squares = _average(
    "relativistic_average_least_squares", _square, "4 / (2 + 3T) (P - Q) / (P + Q) + c", 1
)
r"""RaLSGAN: :math:`L_D = \tfrac12 E_P (a - E_Q a - 1)^2 + \tfrac12 E_Q (a - E_P a + 1)^2`."""

relativistic_average_hinge = _average("relativistic_average_hinge", _hinge, "no closed form", 1)
r"""RaHingeGAN: :math:`L_D = \tfrac12 E_P [1 - a + E_Q a]_+ + \tfrac12 E_Q [1 + a - E_P a]_+`."""
